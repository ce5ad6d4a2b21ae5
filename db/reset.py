"""Emptying the database, for a mock installation that starts over."""

from sqlalchemy import delete

from db.engine import Database
from db.tables.all import METADATA

# The workers still run, and health answers by their heartbeats.
_KEPT = frozenset({"clock_offset", "worker_heartbeat", "alembic_version"})


async def clear_tables(database: Database) -> None:
    """Delete all rows in a transaction of its own, except for the clock's and the workers'."""
    async with database.write_engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            if table.name not in _KEPT:
                await connection.execute(delete(table))
