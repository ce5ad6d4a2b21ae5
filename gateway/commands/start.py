"""How a process starts: on a migrated database, and where it cannot, with one message and exit code 1."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import asyncpg
import uvicorn
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from db.engine import open_database
from db.migrate import LOCK_TIMEOUT_S, DatabaseTooNew, Fit, TableIsHeld, migrate, newest_revision, version_of
from gateway.app import END_WITHIN_S
from gateway.commands.terminal import fail
from gateway.settings.settings import Settings
from sandbox.store import UnreadableStore
from services.shield import FINISH_WITHIN_S as _STORE_WITHIN_S

# How long a running request may take at the stop; streams are cut, and resume by cursor.
FINISH_WITHIN_S: Final = 10
# How long a stop takes at most, beyond `drain_s` of `serve`: requests end, banks' answers are stored, jobs end.
STOP_WITHIN_S: Final = FINISH_WITHIN_S + _STORE_WITHIN_S + END_WITHIN_S
_TOO_NEW: Final = "The database is too new for this release. Start the release that migrated it, or a later one."


class Server(uvicorn.Server):
    """A server in whose hands the application starts: what stops the start is raised by `run`, and not printed."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        # uvicorn would print a traceback and go on to wait for threads.
        config.lifespan = "off"
        super().__init__(config)
        self.app = app
        self._open = AsyncExitStack()
        self._sockets: list[socket.socket] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # First, since the port may be taken. uvicorn has said so then, and exits with a code of its own.
        try:
            self._sockets = sockets or [self.config.bind_socket()]
        except SystemExit:
            sys.exit(1)
        await self._open.enter_async_context(self.app.router.lifespan_context(self.app))
        await super().startup(self._sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(self._sockets)
        await self._open.aclose()


@contextmanager
def one_message(settings: Settings) -> Iterator[None]:
    """Exit with 1 and one message where the start fails by what an operator can mend. A bug of ours stays an error."""
    try:
        yield
    except DatabaseTooNew:
        fail(_TOO_NEW)
    except TableIsHeld:
        fail(f"Another transaction has held a table for {LOCK_TIMEOUT_S} s. Nothing was changed: run it again.")
    except UnreadableStore as error:
        fail(f"The sandbox's file {settings.sandbox_path} cannot be used ({error}). Move it away, or set SANDBOX_PATH.")
    except (DBAPIError, asyncpg.PostgresError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        fail(f"The database does not answer ({type(cause).__name__}). Check DATABASE_URL.")


async def prepare(settings: Settings) -> None:
    """Migrate; where that is a step of its own, exit with 1 unless this release runs on the database."""
    if settings.migrates_at_start:
        await bring_up_to_date(settings)
    else:
        await require_fit(settings)


async def bring_up_to_date(settings: Settings) -> None:
    """Run the migrations that are missing. Raises what `migrate` raises."""
    database = open_database(settings.database_url)
    try:
        await migrate(database)
    finally:
        await database.close()


async def require_fit(settings: Settings) -> None:
    """Exit with 1 unless this release runs on the database."""
    database = open_database(settings.database_url)
    try:
        version = await version_of(database)
    finally:
        await database.close()
    match version.fit(newest_revision()):
        case Fit.BEHIND:
            at = f"at version {version.revision}" if version.revision else "empty"
            fail(f"The database is {at}, and this release needs {newest_revision()}. Run: gateway migrate")
        case Fit.TOO_NEW:
            fail(_TOO_NEW)


def run_prepared(settings: Settings, server: Server) -> None:
    """Run the server on a database that fits, until it is stopped."""
    with one_message(settings):
        asyncio.run(prepare(settings))
        server.run()
