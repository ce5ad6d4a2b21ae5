"""A wait that is shorter than the call that it waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Patience:
    """Waits a while for what a vendor is asked. The call itself goes on to its own deadline.

    Cancelled with the wait, the call would say nothing of the vendor, and one that hangs would be waited for each time:
    its breaker would never open.
    """

    def __init__(self) -> None:
        # References to running tasks: the event loop keeps none, so a task could vanish before it ends.
        self._running: set[asyncio.Task[Any]] = set()

    async def wait(self, asking: Coroutine[Any, Any, Result], within_s: float) -> Result:
        """The result, and what the call raises. Raises TimeoutError where neither comes in time."""
        task = asyncio.create_task(asking)
        self._running.add(task)
        task.add_done_callback(self._end)
        done, _ = await asyncio.wait({task}, timeout=within_s)
        if not done:
            raise TimeoutError
        return task.result()

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, whether or not somebody still waits for it
