"""Writes a migration from the difference between the tables and the newest version."""

import asyncio
import sys
import tempfile

from alembic import command

from db.engine import open_database
from db.migrate import config_of, migrate


async def write(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.sqlite3")
        await migrate(database)
        async with database.write_engine.begin() as connection:
            await connection.run_sync(lambda sync: command.revision(config_of(sync), name, autogenerate=True))
        await database.close()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
