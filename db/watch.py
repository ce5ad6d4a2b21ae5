"""Whether the database answers and takes writes, found out within two seconds and without any request's help."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import structlog
from prometheus_client import Gauge
from sqlalchemy import ExceptionContext, event
from sqlalchemy.ext.asyncio import AsyncEngine

from db.connections import Connection, Connections
from db.outage import refuses_writes

Connect: TypeAlias = Callable[[], Awaitable[Connection]]
_LOOK_EVERY_S: Final = 0.25
_ANSWERS_WITHIN_S: Final = 0.7
_LOOK_AT_WRITES_EVERY_S: Final = 1.0
# How late a deadline may ring. Beyond it this process itself stood still, which says nothing about the database.
_LATE_S: Final = 0.2
_IS_READ_ONLY: Final = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
# A table needs new space on the disk, which an update of a row may find in a page that is there.
_WRITE: Final = (
    "CREATE TEMPORARY TABLE drop_write ON COMMIT DROP AS SELECT repeat('x', 100) FROM generate_series(1, 90)"
)
# Committed, since SQLite writes to the disk at the commit; in pages of its own, which a full file does not have.
_WRITE_ON_SQLITE: Final = (
    "CREATE TABLE drop_write (filler BLOB)",
    "INSERT INTO drop_write VALUES (zeroblob(16384))",
    "DROP TABLE drop_write",
)
AWAY: Final = Gauge("drop_database_away", "1 while the database does not answer this process, or takes no writes.")
_log = structlog.get_logger()


class DatabaseWatch:
    """Asks a PostgreSQL that may hang on a connection of its own, and cuts the others off where it does not answer.

    Statements that wait for a frozen server then end as those of a killed one do, and new connections are refused
    without a wait. What a full disk or a read-only database refuses is noticed at the first write that it meets.
    """

    def __init__(self, written: AsyncEngine, connections: Connections, connect: Connect | None = None) -> None:
        self._connect = connect
        self._written = written
        self._connections = connections
        self._connection: Connection | None = None
        self._told: list[Callable[[str], None]] = []
        self._looked_at_writes = float("-inf")
        self.refuses_writes = False
        event.listen(written.sync_engine, "handle_error", self._on_error)

    @property
    def is_away(self) -> bool:
        """Whether it is known not to answer. False of SQLite, which is asked for nothing over a line."""
        return self._connections.are_cut

    @property
    def is_sound(self) -> bool:
        """Whether the database answers and takes writes, as far as is known."""
        return not (self.is_away or self.refuses_writes)

    def tell(self, listener: Callable[[str], None]) -> None:
        """Call the listener with what is wrong, each time that it begins."""
        self._told.append(listener)

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            self._forget_connection()

    async def look(self) -> None:
        """Look once, for a second and a half at most."""
        if self._connect is not None:
            # A second look on a new connection: the first one may have been cut off alone.
            self._found(is_away=not (await self._answers(self._connect) or await self._answers(self._connect)))
        if self.refuses_writes and not self.is_away and self._is_time_for_writes():
            await self._look_at_writes()
        AWAY.set(not self.is_sound)

    def _is_time_for_writes(self) -> bool:
        now = time.monotonic()
        if now < self._looked_at_writes + _LOOK_AT_WRITES_EVERY_S:
            return False
        self._looked_at_writes = now
        return True

    async def _answers(self, connect: Connect) -> bool:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                if self._connection is None:
                    self._connection = await connect()
                is_read_only = await self._connection.fetchval(_IS_READ_ONLY)
        except Exception:  # whatever the driver raises, there was no answer
            self._forget_connection()
            return time.monotonic() - begun > _ANSWERS_WITHIN_S + _LATE_S
        if is_read_only:
            self._no_writes("read-only")
            # This connection may stay read-only after the server takes writes again.
            self._forget_connection()
        return True

    def _forget_connection(self) -> None:
        """Without a word to the server, which may not take it."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def _found(self, *, is_away: bool) -> None:
        if is_away and not self.is_away:
            _log.error("database_away")
            self._connections.cut()
            self._tell("It does not answer. Requests are refused until it does")
        elif self.is_away and not is_away:
            _log.info("database_answers_again")
            self._connections.mend()

    def _on_error(self, context: ExceptionContext) -> None:
        if refuses_writes(context.original_exception):
            self._no_writes(type(context.original_exception).__name__)

    def _no_writes(self, why: str) -> None:
        if not self.refuses_writes:
            self.refuses_writes = True
            AWAY.set(1)
            _log.error("database_takes_no_writes", why=why)
            self._tell("It takes no writes: its disk is full, or it is read-only")

    async def _look_at_writes(self) -> None:
        is_sqlite = self._written.dialect.name == "sqlite"
        try:
            async with self._written.begin() as connection:
                if is_sqlite:
                    for statement in _WRITE_ON_SQLITE:
                        await connection.exec_driver_sql(statement)
                else:
                    await connection.exec_driver_sql(_WRITE)
        except Exception as error:
            if refuses_writes(getattr(error, "orig", None)) or self.is_away:
                return
            _log.warning("writes_not_tried", error=type(error).__name__)
        self.refuses_writes = False
        _log.info("database_takes_writes")

    def _tell(self, message: str) -> None:
        for listener in self._told:
            listener(message)
