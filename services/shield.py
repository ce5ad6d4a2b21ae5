"""Work at a vendor that goes on to its end, whoever stops waiting for it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from domain.errors import DeadlineExceeded, DropError
from services.deadline import LATE_S, seconds_left
from services.incidents import Incidents

Result = TypeVar("Result")
FINISH_WITHIN_S: Final = 15


class Shield:
    """Runs what a vendor is asked, with the storing of its answer, as a task that a leaving client does not cancel."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        # References to running tasks: the event loop keeps none, so a task could vanish before it ends.
        self._running: set[asyncio.Task[Any]] = set()

    async def run(
        self, asking: Coroutine[Any, Any, Result], *, instead: Callable[[], Awaitable[Result]] | None = None
    ) -> Result:
        """The result. Cancelling the caller cancels the wait alone.

        `instead` gives the object as it stands: where the operation's deadline passes, the caller has that.
        """
        task = self._begin(asking)
        if await self._is_done(task, seconds_left() if instead is not None else None) or instead is None:
            return task.result()
        return await instead()

    async def run_mutation(self, asking: Coroutine[Any, Any, Result]) -> Result:
        """The result, where it comes in time. Raises DeadlineExceeded, and the work goes on."""
        task, left_s = self._begin(asking), seconds_left()
        if not await self._is_done(task, None if left_s is None else left_s + LATE_S):
            raise DeadlineExceeded(goes_on=True)
        return task.result()

    async def finish(self) -> None:
        """Wait for what is running: a process that stops stores the answers that vendors have given."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=FINISH_WITHIN_S)

    def _begin(self, asking: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(asking)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _is_done(self, task: asyncio.Task[Any], within_s: float | None) -> bool:
        try:
            await asyncio.wait([task], timeout=within_s)
        finally:
            if not task.done():
                task.add_done_callback(self._tell)
        return task.done()

    def _tell(self, task: asyncio.Task[Any]) -> None:
        """How a task ended that has lost its caller: refusals and outages have been stored, the rest is a bug."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, DropError):
            self._incidents.unhandled(error, where="after the answer")


async def as_it_stands() -> None:
    """For `instead`, where the caller reads the object next, however it stands."""
