"""Fan-out within one process."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.ids import UserId


class MemoryHint:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def give(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()


class MemoryFanout:
    def __init__(self) -> None:
        self._listeners: defaultdict[UserId, set[MemoryHint]] = defaultdict(set)

    def publish(self, user_id: UserId) -> None:
        for hint in self._listeners.get(user_id, ()):
            hint.give()

    @asynccontextmanager
    async def listen(self, user_id: UserId) -> AsyncIterator[MemoryHint]:
        hint = MemoryHint()
        self._listeners[user_id].add(hint)
        try:
            yield hint
        finally:
            self._listeners[user_id].discard(hint)
            if not self._listeners[user_id]:
                del self._listeners[user_id]
