"""How many connections PostgreSQL gives, held against how many the gateway's processes may open."""

from dataclasses import dataclass
from typing import Final

from db.engine import Database
from db.postgresql import WATCH_NAME

# The narrowest of what the server, the database and the role allow; -1 is no limit.
_LIMITS: Final = f"""
SELECT least(
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
  (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
  (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
) AS at_most, (SELECT count(*) FROM pg_stat_activity WHERE application_name = '{WATCH_NAME}') AS processes
"""  # noqa: S608  # a constant


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """`at_most` connections are given; `processes` of the gateway hold some now."""

    at_most: int
    processes: int


async def connection_limit(database: Database) -> ConnectionLimit | None:
    """None on SQLite. In a transaction of its own."""
    if database.is_sqlite:
        return None
    async with database.read_engine.connect() as connection:
        limits = (await connection.exec_driver_sql(_LIMITS)).mappings().one()
    return ConnectionLimit(**limits)
