"""What a commit and this process's worker tell each other, so that neither has to know the other."""

import asyncio


class WorkerSignal:
    """`has_room` is whether the worker of this process would take a due job at once; without one it stays false."""

    def __init__(self) -> None:
        self.has_room = False
        self._due = asyncio.Event()

    def wake(self) -> None:
        """There may be work: the worker looks now instead of at its next poll."""
        self._due.set()

    def clear(self) -> None:
        """The worker is about to look: what is signalled from now on makes it look again."""
        self._due.clear()

    async def wait(self) -> None:
        """Returns at once where something was signalled since the last `clear`."""
        await self._due.wait()
