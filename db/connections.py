"""The connections to one PostgreSQL, which can all be cut off at once."""

import asyncio
from typing import Any, TypeAlias
from weakref import WeakSet

import asyncpg

from db.tls import connect

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Connections:
    """Opens connections, unless they are cut. Those that are open or being opened end where they are cut."""

    def __init__(self) -> None:
        self._open: WeakSet[Connection] = WeakSet()
        # References to those that are being opened: the event loop keeps none.
        self._opening: set[asyncio.Task[Connection]] = set()
        self._cut = asyncio.Event()

    @property
    def are_cut(self) -> bool:
        return self._cut.is_set()

    async def open(self, *args: Any, **options: Any) -> Connection:
        """As `asyncpg.connect`. Raises ConnectionRefusedError while cut."""
        if self.are_cut:
            raise ConnectionRefusedError("the database does not answer")
        opening = self._begin(*args, **options)
        is_cut = asyncio.create_task(self._cut.wait())
        try:
            await asyncio.wait({opening, is_cut}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                connection: Connection = opening.result()
                self._open.add(connection)
                return connection
            raise ConnectionRefusedError("the database does not answer")
        finally:
            is_cut.cancel()
            _leave(opening)

    async def open_apart(self, *args: Any, **options: Any) -> Connection:
        """As `asyncpg.connect`, also while the others are cut."""
        opening = self._begin(*args, **options)
        try:
            return await asyncio.shield(opening)
        finally:
            _leave(opening)

    def _begin(self, *args: Any, **options: Any) -> "asyncio.Task[Connection]":
        opening = asyncio.create_task(connect(*args, **options))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        return opening

    def cut(self) -> None:
        """End what waits, as the death of the server would, until `mend`."""
        self._cut.set()
        for connection in list(self._open):
            connection.terminate()

    def mend(self) -> None:
        self._cut.clear()


def _leave(opening: "asyncio.Task[Connection]") -> None:
    """To its own end, if it has not come: the driver complains about one that is cancelled on the way."""
    if not opening.done():
        opening.add_done_callback(_terminated)


def _terminated(opening: "asyncio.Task[Connection]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().terminate()
