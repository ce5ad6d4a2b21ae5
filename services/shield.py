"""Calls of a bank that go on to their end, whoever stops waiting for them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

Result = TypeVar("Result")
FINISH_WITHIN_S: Final = 15


class Shield:
    """Runs what a bank is asked, with the storing of its answer, as a task that a leaving client does not cancel."""

    def __init__(self) -> None:
        # References to running tasks: the event loop keeps none, so a task could vanish before it ends.
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, asking: Coroutine[Any, Any, Result]) -> Result:
        """The result. Cancelling the caller cancels the wait alone."""
        task = asyncio.create_task(asking)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def finish(self) -> None:
        """Wait for what is running: a process that stops stores the answers that banks have given."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=FINISH_WITHIN_S)
