"""A SQLite file on the event loop's own thread: a statement takes less time than to hand it to a thread and back."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# Another process that writes is waited for this long.
_BUSY_S: Final = 5.0
_LOOKS_AGAIN_AFTER_S: Final = 0.01
# The low byte of an extended code, https://www.sqlite.org/rescode.html.
_PRIMARY: Final = 0xFF
_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = NORMAL")


class SqliteFile:
    """One connection to the file. Raises what sqlite3 raises; SQLITE_BUSY after five seconds."""

    def __init__(self, path: Path) -> None:
        # No wait within SQLite, which would hold up everything else in this process.
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)

    @property
    def is_in_transaction(self) -> bool:
        return self._connection.in_transaction

    async def prepare(self, schema: str = "") -> None:
        """Make it ready for use, with the tables of `schema` that are not there yet."""
        for pragma in _PRAGMAS:
            await self.execute(f"PRAGMA {pragma}")
        for statement in filter(str.strip, schema.split(";")):
            await self.execute(statement)

    async def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run a statement, and wait on the loop while another process writes."""
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                return self._connection.execute(statement, values)
            except sqlite3.OperationalError as error:
                # Errors of Python's own module have no code.
                if getattr(error, "sqlite_errorcode", 0) & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            await asyncio.sleep(_LOOKS_AGAIN_AFTER_S)

    async def execute_aside(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run a statement about whole files, in a thread. It has ended when this has, also where this is cancelled."""
        running = asyncio.create_task(asyncio.to_thread(self._connection.execute, statement, values))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise

    def close(self) -> None:
        """Safe to repeat."""
        self._connection.close()
