"""Builds, on PostgreSQL, the indexes that migrations left out so that no large table was closed for writing."""

from typing import Final

from sqlalchemy import Connection, Index, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex

from db.engine import Database
from db.tables.all import METADATA
from db.tls import connect

# Another number than that of the migrations' lock: whoever waits for that one in a transaction would be waited for.
_LOCK: Final = 4_711_002
_READY = """SELECT i.relname, x.indisvalid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
  WHERE i.relnamespace = current_schema()::regnamespace"""


async def build_missing(database: Database) -> None:
    """Build the indexes that the tables declare and the database lacks, while the tables are written to.

    What an interrupted build left is removed first. Where another process builds already, nothing is done. Safe to
    repeat.
    """
    url = database.write_engine.url
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"async_creator_fn": connect},
        hide_parameters=True,
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_build)
    finally:
        await engine.dispose()


def _build(connection: Connection) -> None:
    if not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar_one():
        return
    ready = {name: is_valid for name, is_valid in connection.execute(text(_READY))}
    missing = [index for index in _declared() if not ready.get(str(index.name), False)]
    if not missing:
        return
    # A build waits for transactions that began before it, and reads the whole table.
    for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(text(f"SET {limit} = 0"))
    for index in missing:
        connection.execute(text(f'DROP INDEX CONCURRENTLY IF EXISTS "{index.name}"'))
        statement = str(CreateIndex(index).compile(dialect=connection.dialect))
        connection.execute(text(statement.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1)))


def _declared() -> list[Index]:
    """Those that are no rule of the data: a unique index is part of its migration."""
    tables = METADATA.sorted_tables
    return [index for table in tables for index in sorted(table.indexes, key=str) if not index.unique]
