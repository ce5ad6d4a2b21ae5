"""Fan-out within one process."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class MemoryWakeUp:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def give(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()


class MemoryFanout:
    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[MemoryWakeUp]] = defaultdict(set)

    def publish(self, channel: str) -> None:
        self.wake(channel)

    def wake(self, channel: str) -> None:
        for wake_up in self._listeners.get(channel, ()):
            wake_up.give()

    def channels(self) -> Sequence[str]:
        return list(self._listeners)

    def wake_all(self) -> None:
        """Hints may have been lost: let everybody look."""
        for channel in self.channels():
            self.wake(channel)

    async def run(self) -> None:
        """There is nothing to carry."""

    async def close(self) -> None:
        """There is nothing to close."""

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator[MemoryWakeUp]:
        wake_up = MemoryWakeUp()
        for channel in channels:
            self._listeners[channel].add(wake_up)
        try:
            yield wake_up
        finally:
            for channel in channels:
                self._listeners[channel].discard(wake_up)
                if not self._listeners[channel]:
                    del self._listeners[channel]
