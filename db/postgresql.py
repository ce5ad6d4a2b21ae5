"""Engines on PostgreSQL, with a deadline for whatever may hang there."""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import asyncpg
from sqlalchemy import ExceptionContext, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from db.connections import Connection, Connections
from db.outage import is_read_only
from db.pool import TimedPool
from db.tls import connect

_CONNECT_WITHIN_S: Final = 5
# As long as writers of SQLite wait.
_WAIT_S: Final = 10
_STATEMENT_S: Final = 30
# The server ends what takes too long. Where it hangs itself, this process stops waiting a little later.
_COMMAND_S: Final = _STATEMENT_S + 5
_IDLE_S: Final = 10.0
_USED_AT: Final = "drop_used_at"
_DEADLINES: Final = {
    "statement_timeout": f"{_STATEMENT_S}s",
    "lock_timeout": f"{_WAIT_S}s",
    "idle_in_transaction_session_timeout": f"{_STATEMENT_S}s",
}
WATCH_NAME: Final = "drop-gateway-watch"


def postgresql_engine(url: URL, connections: Connections, at_most: int) -> AsyncEngine:
    """The engine of every transaction, with so many connections at most, of which each is kept."""
    engine = create_async_engine(
        url,
        poolclass=TimedPool,
        pool_size=at_most,
        max_overflow=0,
        pool_timeout=_WAIT_S,
        connect_args={**_connect_args("drop-gateway"), "async_creator_fn": connections.open},
        hide_parameters=True,
    )
    _check_idle(engine)
    _leave_read_only(engine)
    return engine


def watching(engine: AsyncEngine, connections: Connections) -> Callable[[], Awaitable[Connection]]:
    """Opens the connection by which the server is watched: apart from the pool, which may be used up or cut off."""
    _, options = engine.dialect.create_connect_args(engine.url)

    async def watch() -> Connection:
        return await connections.open_apart(**{**options, **_connect_args(WATCH_NAME)})

    return watch


@asynccontextmanager
async def without_deadlines(url: URL) -> AsyncIterator[AsyncConnection]:
    """A transaction that may take as long as it takes."""
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        connect_args={"timeout": _CONNECT_WITHIN_S, "async_creator_fn": connect},
        hide_parameters=True,
    )
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


def _connect_args(name: str) -> dict[str, Any]:
    return {
        "timeout": _CONNECT_WITHIN_S,
        "command_timeout": _COMMAND_S,
        "server_settings": {"application_name": name, **_DEADLINES},
    }


def _leave_read_only(engine: AsyncEngine) -> None:
    """Let go of every connection once a write was refused on one.

    A connection that was opened while the database was read-only stays so for as long as it lives.
    """

    @event.listens_for(engine.sync_engine, "handle_error")
    def let_go(context: ExceptionContext) -> None:
        if is_read_only(context.original_exception):
            context.is_disconnect = True


def _check_idle(engine: AsyncEngine) -> None:
    """Ask a connection whether it still works only after it was idle.

    A connection that was cut off is known to be closed.

    SQLAlchemy's own `pool_pre_ping` asks each time, which is three round trips before every transaction.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def record_use(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def check(connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        if cast("asyncpg.Connection[asyncpg.Record]", record.driver_connection).is_closed():
            raise DisconnectionError
        if time.monotonic() - record.info.get(_USED_AT, math.inf) > _IDLE_S:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error
