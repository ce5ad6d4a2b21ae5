"""Emptying the database, for a mock installation that starts over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.clock_offset import put_back
from db.engine import Database
from db.tables.all import METADATA
from db.unit_of_work import raise_if_deadlocked, retry_on_stale

# The workers still run, health answers by their heartbeats, and operators go on.
_KEPT = frozenset({"clock_offset", "operator", "worker_heartbeat", "alembic_version"})


async def clear_tables(database: Database) -> None:
    """Delete all rows but the workers', and put the clock back to the machine's, in a transaction of its own.

    Again where a job or a request wrote meanwhile what refers to a deleted row.
    """
    await retry_on_stale(lambda: _clear(database))


@asynccontextmanager
async def _without_triggers(connection: AsyncConnection) -> AsyncIterator[None]:
    """Those of the audit trail refuse to delete it. PostgreSQL's do not see that a table is emptied."""
    if connection.dialect.name != "sqlite":
        await connection.exec_driver_sql("TRUNCATE audit_seal, audit_event, audit_base, audit_awaiting")
        yield
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    triggers = [(row["name"], row["sql"]) for row in (await connection.exec_driver_sql(query)).mappings()]
    for name, _ in triggers:
        await connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, created in triggers:
        await connection.exec_driver_sql(created)


async def _clear(database: Database) -> None:
    try:
        async with database.write_engine.begin() as connection:
            async with _without_triggers(connection):
                for table in reversed(METADATA.sorted_tables):
                    if table.name not in _KEPT:
                        await connection.execute(delete(table))
            await put_back(connection)
    except DBAPIError as error:
        raise_if_deadlocked(error)
        raise
