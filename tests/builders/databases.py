"""Databases of a test's own: a copied SQLite file, or a PostgreSQL database made from a migrated template."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from secrets import token_hex

import asyncpg

SERVER = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


async def run(statement: str) -> None:
    connection = await asyncpg.connect(SERVER)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def postgresql_database(template: str | None = None) -> AsyncIterator[str]:
    """Gives the URL of a new database, and drops it afterwards."""
    name = f"drop_test_{token_hex(6)}"
    await _create(name, f"TEMPLATE {template}" if template else "")
    try:
        yield f"{SERVER.rsplit('/', 1)[0]}/{name}"
    finally:
        await run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgresql_of_a_process() -> Iterator[str]:
    """The same, empty, for a gateway in a process of its own."""
    name = f"drop_test_{token_hex(6)}"
    asyncio.run(_create(name))
    try:
        yield f"{SERVER.rsplit('/', 1)[0]}/{name}"
    finally:
        asyncio.run(run(f"DROP DATABASE {name} WITH (FORCE)"))


async def _create(name: str, of: str = "") -> None:
    await run(f"CREATE DATABASE {name} {of}")
    # A commit does not wait for the disk, which takes 3 ms where it is idle: nothing stops this server.
    await run(f"ALTER DATABASE {name} SET synchronous_commit = off")
