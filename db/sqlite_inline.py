"""SQLite on the event loop's own thread.

A statement of the gateway takes SQLite some tens of microseconds; to hand it to a thread and back takes several times
as long, and a statement has four such steps (docs/decisions/0015-sqlite-without-threads.md). What may take long, the
wait for another process that writes, is waited for on the loop. A transaction begins with a turn of the loop, so that
work that never waits for anything else does not keep the others from theirs.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Self, TypeVar

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import ConnectArgsType, DBAPICursor
from sqlalchemy.engine.url import URL
from sqlalchemy.util import await_

from db.outage import is_busy

DRIVER: Final = "sqlite+inline"
# Another process that writes is waited for this long.
_BUSY_S: Final = 5.0
_LOOKS_AGAIN_AFTER_S: Final = 0.01
Answer = TypeVar("Answer")


class InlineCursor(sqlite3.Cursor):
    """A cursor whose statements wait on the loop while another process writes. Only for SQLAlchemy's greenlets."""

    def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Raises what sqlite3 raises; SQLITE_BUSY after five seconds."""
        # SQLAlchemy demands that a statement waits once: this wait is over at once.
        await_(asyncio.sleep(0) if sql.startswith("BEGIN") else _nothing())
        return _when_not_busy(partial(super().execute, sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Raises what sqlite3 raises; SQLITE_BUSY after five seconds."""
        await_(_nothing())
        return _when_not_busy(partial(super().executemany, sql, list(parameters)))

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows of many, after a turn of the loop."""
        await_(asyncio.sleep(0))
        return super().fetchmany(size)

    async def _async_soft_close(self) -> None:
        """Rows were read with the statement: nothing is left to wait for. SQLAlchemy asks each asyncio cursor."""


class InlineConnection(sqlite3.Connection):
    """A connection whose cursors are `InlineCursor`s."""

    def cursor(self, factory: Any = InlineCursor) -> Any:
        return super().cursor(factory)


class InlineContext(SQLiteExecutionContext):
    """Gives every query's rows one by one, which SQLAlchemy knows as a cursor on the server's side."""

    def create_server_side_cursor(self) -> DBAPICursor:
        return self.create_default_cursor()


class InlineDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's own dialect for SQLite, as an asyncio engine takes it."""

    driver = "inline"
    is_async = True
    supports_statement_cache = True
    supports_server_side_cursors = True
    execution_ctx_cls = InlineContext

    def create_connect_args(self, url: URL) -> ConnectArgsType:
        arguments, options = super().create_connect_args(url)
        # No transaction but those that are begun in so many words, and no wait within SQLite.
        own: dict[str, Any] = {
            "factory": InlineConnection,
            "isolation_level": None,
            "timeout": 0,
            "check_same_thread": False,
        }
        return arguments, {**options, **own}


async def _nothing() -> None:
    """A wait that is over at once."""


def _when_not_busy(run: Callable[[], Answer]) -> Answer:
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            return run()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
        await_(asyncio.sleep(_LOOKS_AGAIN_AFTER_S))


registry.register("sqlite.inline", __name__, InlineDialect.__name__)
