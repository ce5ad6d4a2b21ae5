"""One read transaction for a whole operation: its fields show one moment, and the connection is got and begun once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final

from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from db.outage import raise_if_away

_current: Final[ContextVar["Snapshot | None"]] = ContextVar("snapshot", default=None)


def current_snapshot() -> "Snapshot | None":
    """That of the operation which this task belongs to; None where there is none."""
    return _current.get()


@asynccontextmanager
async def one_snapshot() -> AsyncIterator[None]:
    """Whatever is read in this block, and in tasks that begin in it, is of one moment, that of the first statement.

    Nothing is opened before that statement.
    """
    snapshot = Snapshot()
    token = _current.set(snapshot)
    try:
        yield
    finally:
        _current.reset(token)
        await snapshot.end()


async def let_go() -> None:
    """Give the operation's connection back, before a write: what is read then is of a new moment.

    Does nothing outside of `one_snapshot`, and for the task that is just reading.
    """
    snapshot = _current.get()
    if snapshot is not None:
        await snapshot.let_go()


@asynccontextmanager
async def letting_go() -> AsyncIterator[None]:
    """While a vendor is waited for: the operation holds no connection but for the time of a statement."""
    snapshot = _current.get()
    if snapshot is None:
        yield
        return
    snapshot.waits += 1
    try:
        await snapshot.let_go()
        yield
    finally:
        snapshot.waits -= 1


class Snapshot:
    """A session that is opened when it is first used. A connection carries one statement at a time, hence the turns.

    `waits` is how many vendors the operation waits for: the session is then closed after each turn.
    """

    def __init__(self) -> None:
        self.waits = 0
        self._turns = asyncio.Lock()
        self._open: AsyncSession | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._is_over = False

    @asynccontextmanager
    async def turn(self, sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
        """The session, for this task alone until the block ends; a block within a block has it, too.

        Leaving it raises DatabaseAway where the database could not be read.
        """
        task = asyncio.current_task()
        if self._open is not None and self._reader is task:
            yield self._open
            return
        async with self._turns:
            if not self._is_over:
                self._reader = task
                try:
                    yield self._opened(sessions)
                except BaseException as error:
                    # The statement that failed or was cancelled has ended the transaction for all: others begin anew.
                    await self._close()
                    raise_if_away(error)
                    raise
                finally:
                    self._reader = None
                    if self._is_over or self.waits:
                        await self._close()
                return
        # A task that has outlived its operation.
        async with sessions() as own:
            try:
                yield own
            except BaseException as error:
                raise_if_away(error)
                raise

    async def let_go(self) -> None:
        """Close the session once nobody reads."""
        if self._open is not None and self._reader is not asyncio.current_task():
            async with self._turns:
                await self._close()

    async def end(self) -> None:
        """Close the session; a task that is still reading closes it at the end of its turn."""
        self._is_over = True
        if self._reader is None:
            await self._close()

    def _opened(self, sessions: async_sessionmaker[AsyncSession]) -> AsyncSession:
        if self._open is None:
            self._open = sessions()
        return self._open

    async def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            await opened.close()
