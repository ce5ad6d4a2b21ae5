"""A database that takes no writes for a while: its disk is full, or it is read-only."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast
from urllib.parse import urlsplit

import asyncpg

from db.engine import Database
from tests.builders.databases import run

_MOST_PAGES = 1_073_741_823  # SQLite's own default
# What it is while it takes no writes, and how it is again.
_SQLITE = {
    "full": ("PRAGMA max_page_count = 1", f"PRAGMA max_page_count = {_MOST_PAGES}"),
    "read-only": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
}
# What PostgreSQL answers where a file cannot grow (SQLSTATE 53100), to each statement that writes or makes a table.
_FILL: Final = """
CREATE SCHEMA full_disk;
CREATE FUNCTION full_disk.refuse_row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE FUNCTION full_disk.refuse_table() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
DO $$ DECLARE one text; BEGIN
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON public.%I'
      ' EXECUTE FUNCTION full_disk.refuse_row()', one);
  END LOOP;
END $$;
CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS')
  EXECUTE FUNCTION full_disk.refuse_table();
"""
_FREE: Final = "DROP EVENT TRIGGER full_disk; DROP SCHEMA full_disk CASCADE"


@asynccontextmanager
async def taking_no_writes(database: Database, url: str, how: str) -> AsyncIterator[None]:
    """`how` is full or read-only. On a PostgreSQL that is read-only every connection is a new one."""
    if database.is_sqlite:
        begin, end = _SQLITE[how]
        await _pragma(database, begin)
        try:
            yield
        finally:
            await _pragma(database, end)
        return
    if how == "full":
        await _on(url, _FILL)
        try:
            yield
        finally:
            await _on(url, _FREE)
        return
    name = urlsplit(url).path[1:]
    await run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await database.write_engine.dispose()
    try:
        yield
    finally:
        await run(f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def _on(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def _pragma(database: Database, statement: str) -> None:
    """On the one connection that writes, which keeps it; a read-only one can begin no transaction."""
    async with database.write_engine.connect() as connection:
        pooled = await connection.get_raw_connection()
        cast("sqlite3.Connection", pooled.driver_connection).execute(statement)
