"""Bring the database to the newest version of its tables, and tell which releases run on it.

A release is known by the revision of its newest migration. Each migration from 0025 on states in `oldest_code` the
oldest release that still runs on the tables that it leaves; the statement is stored beside the revision. It is raised
where rows hold what older releases do not read (`demand`), and no migration lowers it.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from db.engine import Database, rebuilding
from db.indexes import build_missing

_SCRIPTS = Path(__file__).parent / "migrations"
# The number of the advisory lock that keeps two processes from migrating at once.
_LOCK = 4_711_001
# A table that a statement waits for is closed to everybody who comes later, so the wait is short.
LOCK_TIMEOUT_S: Final = 3
_LOCK_NOT_AVAILABLE: Final = "55P03"


class Fit(StrEnum):
    """Whether a release runs on the database."""

    FITS = "fits"
    BEHIND = "behind"
    TOO_NEW = "too_new"


class DatabaseTooNew(Exception):
    """The database has been migrated beyond what this release runs on."""


class TableIsHeld(Exception):
    """Another transaction held a table for `LOCK_TIMEOUT_S`. Nothing was changed; it may be tried again."""


@dataclass(frozen=True, slots=True)
class DatabaseVersion:
    """`revision` is None of an empty database; `oldest_code` is None before revision 0025."""

    revision: str | None
    oldest_code: str | None = None

    def fit(self, code: str) -> Fit:
        """Whether the release whose newest migration is `code` runs on this database."""
        if self.revision is None or self.revision < code:
            return Fit.BEHIND
        return Fit.FITS if code >= self.oldest_code_or_revision else Fit.TOO_NEW

    @property
    def oldest_code_or_revision(self) -> str:
        """The oldest release that runs on it: before revision 0025, none but that of the revision. Empty of none."""
        return self.oldest_code or self.revision or ""


def config_of(connection: Connection | None = None) -> Config:
    """Alembic's configuration over an open connection. Without a connection the scripts can be looked at."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing. Safe to repeat, also from several processes at once.

    A database of a newer release is left as it is. Raises DatabaseTooNew where this release does not run on that
    database, and TableIsHeld.
    """
    async with rebuilding(database) as connection:
        if not database.is_sqlite:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            # After the lock above, for which another migration may need long.
            await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
        try:
            await connection.run_sync(lambda sync: _upgrade(sync, revision))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise TableIsHeld from error
            raise
    # The tables of this release are those of its own revision alone.
    if not database.is_sqlite and (await version_of(database)).revision == newest_revision():
        await build_missing(database)


def _upgrade(connection: Connection, revision: str) -> None:
    before = _version(connection)
    if before.revision is not None and before.revision > newest_revision():
        if before.fit(newest_revision()) is Fit.TOO_NEW:
            raise DatabaseTooNew
        return
    command.upgrade(config_of(connection), revision)
    after = _version(connection)
    oldest_code = oldest_codes().get(after.revision or "")
    if oldest_code is not None and oldest_code > (before.oldest_code or ""):
        connection.execute(text("UPDATE alembic_version SET oldest_code = :code"), {"code": oldest_code})


async def demand(database: Database, oldest_code: str) -> None:
    """From now on, no release before this one runs on the database: its rows hold what that does not read.

    The database has been migrated. One that demands as much is only read. Commits.
    """
    if (await version_of(database)).oldest_code_or_revision >= oldest_code:
        return
    raised = text("UPDATE alembic_version SET oldest_code = :code WHERE coalesce(oldest_code, version_num) < :code")
    async with database.write_engine.begin() as connection:
        await connection.execute(raised, {"code": oldest_code})


async def version_of(database: Database) -> DatabaseVersion:
    """The database's version, with the oldest release that runs on it."""
    async with database.read_engine.connect() as connection:
        return await connection.run_sync(_version)


def _version(connection: Connection) -> DatabaseVersion:
    if not inspect(connection).has_table("alembic_version"):
        return DatabaseVersion(None)
    # Every column, since the second one came with revision 0025.
    row = connection.exec_driver_sql("SELECT * FROM alembic_version").mappings().first()
    return DatabaseVersion(row["version_num"], row.get("oldest_code")) if row is not None else DatabaseVersion(None)


@cache
def newest_revision() -> str:
    """The newest revision among the scripts, by which this release is known."""
    head = ScriptDirectory.from_config(config_of()).get_current_head()
    assert head is not None
    return head


@cache
def oldest_codes() -> dict[str, str]:
    """By revision, the oldest release that runs on the tables of that revision; none before 0025."""
    scripts = ScriptDirectory.from_config(config_of()).walk_revisions()
    stated = {script.revision: getattr(script.module, "oldest_code", None) for script in scripts}
    return {revision: code for revision, code in stated.items() if code is not None}
