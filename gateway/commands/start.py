"""How a process starts: on a migrated database, and where it cannot, with one message and exit code 1."""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final

import asyncpg
import uvicorn
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from db.connection_limit import ConnectionLimit, connection_limit
from db.engine import Database, open_database
from db.grants import grant_serving
from db.migrate import LOCK_TIMEOUT_S, DatabaseTooNew, Fit, TableIsHeld, demand, migrate, newest_revision, version_of
from db.sealed import READ_SINCE
from domain.errors import DatabaseAway
from gateway.app import END_WITHIN_S
from gateway.assembly.keys import field_encryption
from gateway.commands.headers_in_time import HeadersInTime
from gateway.commands.terminal import fail
from gateway.settings.settings import Settings
from sandbox.store import UnreadableStore
from services.shield import FINISH_WITHIN_S as _STORE_WITHIN_S

# How long a running request may take at the stop; streams are cut, and resume by cursor.
FINISH_WITHIN_S: Final = 10
# How long a stop takes at most, beyond `drain_s` of `serve`: requests end, banks' answers are stored, jobs end.
STOP_WITHIN_S: Final = FINISH_WITHIN_S + _STORE_WITHIN_S + END_WITHIN_S
# How many more objects are made than freed before the young ones are looked through: a request makes some thousands.
_YOUNG: Final = 10_000
_TOO_NEW: Final = "The database is too new for this release. Start the release that migrated it, or a later one."


class Server(uvicorn.Server):
    """A server in whose hands the application starts: what stops the start is raised by `run`, and not printed."""

    def __init__(self, config: uvicorn.Config, app: Starlette, operator_port: int | None = None) -> None:
        # uvicorn would print a traceback and go on to wait for threads.
        config.lifespan = "off"
        # `ClientAddress` reads what proxies tell.
        config.proxy_headers = False
        config.http = HeadersInTime
        super().__init__(config)
        self.app = app
        self._open = AsyncExitStack()
        self._sockets: list[socket.socket] = []
        self._operator_port = operator_port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # First, since the port may be taken. uvicorn has said so then, and exits with a code of its own.
        try:
            self._sockets = sockets or self._bound()
        except SystemExit:
            sys.exit(1)
        await self._open.enter_async_context(self.app.router.lifespan_context(self.app))
        await super().startup(self._sockets)
        leave_to_requests()

    def _bound(self) -> list[socket.socket]:
        public = self.config.bind_socket()
        if self._operator_port is None:
            return [public]
        apart = uvicorn.Config(self.app, host=self.config.host, port=self._operator_port, log_config=None)
        return [public, apart.bind_socket()]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(self._sockets)
        await self._open.aclose()


def leave_to_requests() -> None:
    """Have the collector look at what requests make, and no more at what the start has made, which stays.

    Looking through the modules and the schema takes longer than a dozen requests, during which none is answered.
    """
    gc.collect()
    gc.freeze()
    _, middle, old = gc.get_threshold()
    gc.set_threshold(_YOUNG, middle, old)


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
    except (DatabaseAway, DBAPIError, asyncpg.PostgresError, OSError) as error:
        raised = error.__cause__ if isinstance(error, DatabaseAway) else error
        cause = raised.orig if isinstance(raised, DBAPIError) and raised.orig is not None else raised
        fail(f"The database does not answer ({type(cause).__name__}). Check DATABASE_URL.")


async def prepare(settings: Settings) -> None:
    """Migrate; where that is a step of its own, exit with 1 unless this release runs on the database.

    From the first process on that writes by AES-256-GCM, no release runs on it that does not read that.
    """
    if settings.migrates_at_start:
        await bring_up_to_date(settings)
    else:
        await require_fit(settings)
    if not settings.field_encryption_as_before:
        async with opened(settings) as database:
            await demand(database, READ_SINCE)
    limit = await limit_of(settings)
    if limit is not None and settings.connections_of_a_process > limit.at_most:
        fail(
            f"DATABASE_CONNECTIONS is {settings.database_connections}, and PostgreSQL gives {limit.at_most} in all. "
            "Lower it, so that every process has its share."
        )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The database, closed at the end."""
    database = open_database(settings.database_url, fields=field_encryption(settings))
    try:
        yield database
    finally:
        await database.close()


async def limit_of(settings: Settings) -> ConnectionLimit | None:
    """How many connections the database gives; None on SQLite."""
    async with opened(settings) as database:
        return await connection_limit(database)


async def bring_up_to_date(settings: Settings) -> None:
    """Run the migrations that are missing. Raises what `migrate` raises."""
    async with opened(settings) as database:
        await migrate(database)
        if settings.database_serving_role is not None and not database.is_sqlite:
            await grant_serving(database, settings.database_serving_role)


async def require_fit(settings: Settings) -> None:
    """Exit with 1 unless this release runs on the database."""
    async with opened(settings) as database:
        version = await version_of(database)
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
