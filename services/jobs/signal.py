"""The signal between commits and this process's worker: a commit wakes the worker without knowing it."""

import asyncio


class WorkerSignal:
    """`has_room` says whether the worker of this process would take a due job at once; false without a worker."""

    def __init__(self) -> None:
        self.has_room = False
        self._due = asyncio.Event()

    def wake(self) -> None:
        """There may be work: the worker looks now instead of at its next poll."""
        self._due.set()

    def clear(self) -> None:
        """Call this before looking for work: a later `wake` makes the worker look again."""
        self._due.clear()

    async def wait(self) -> None:
        """Wait for the next `wake`. Returns at once if `wake` was called since the last `clear`."""
        await self._due.wait()
