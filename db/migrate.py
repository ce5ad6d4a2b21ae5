"""Bring the database to the newest version of its tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from db.engine import Database, rebuilding

_SCRIPTS = Path(__file__).parent / "migrations"
# The number of the advisory lock that keeps two processes from migrating at once.
_LOCK = 4_711_001


def config_of(connection: Connection | None = None) -> Config:
    """Alembic's configuration over an open connection. Without a connection the scripts can be looked at."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing. Safe to repeat, also from several processes at once."""
    async with rebuilding(database) as connection:
        if not database.is_sqlite:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        await connection.run_sync(lambda sync: command.upgrade(config_of(sync), revision))


async def current_revision(database: Database) -> str | None:
    """The revision of the database; None where it is empty."""
    async with database.read_engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def newest_revision() -> str | None:
    """The newest revision among the scripts."""
    return ScriptDirectory.from_config(config_of()).get_current_head()
