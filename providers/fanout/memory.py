"""Fan-out within one process."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class MemoryWakeUp:
    """The wake-ups of one listener in this process, kept as one flag."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def give(self) -> None:
        """Wake the listener, or let its next `wait` return at once."""
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()


class MemoryFanout:
    """Wakes the listeners of this process alone: enough for a gateway that runs as a single process."""

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
        """Wake every listener, because wake-ups may have been lost: each then reads the database."""
        for channel in self.channels():
            self.wake(channel)

    async def run(self) -> None:
        """Return at once: one process has no other to exchange wake-ups with."""

    async def close(self) -> None:
        """Do nothing: no connection is open."""

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
