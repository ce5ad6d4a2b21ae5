"""A database that takes no writes for a while: its disk is full, or it is read-only."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from db.engine import Database
from tests.builders.databases import run

_MOST_PAGES = 1_073_741_823  # SQLite's own default
# What it is while it takes no writes, and how it is again.
_SQLITE = {
    "full": ("PRAGMA max_page_count = 1", f"PRAGMA max_page_count = {_MOST_PAGES}"),
    "read-only": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
}


@asynccontextmanager
async def taking_no_writes(database: Database, url: str, how: str) -> AsyncIterator[None]:
    """`how` is full or read-only. On PostgreSQL every connection is a new one then."""
    if database.is_sqlite:
        begin, end = _SQLITE[how]
        await _pragma(database, begin)
        try:
            yield
        finally:
            await _pragma(database, end)
        return
    name = urlsplit(url).path[1:]
    await run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await database.write_engine.dispose()
    try:
        yield
    finally:
        await run(f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def _pragma(database: Database, statement: str) -> None:
    """On the one connection that writes, which keeps it; a read-only one can begin no transaction."""
    async with database.write_engine.connect() as connection:
        pooled = await connection.get_raw_connection()
        cast("sqlite3.Connection", pooled.driver_connection).execute(statement)
