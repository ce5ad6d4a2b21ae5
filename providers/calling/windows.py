"""So many times in any stretch of a time, for each key: what clients are refused by.

Unlike `Rate`, which spreads our own calls, a window lets no more through than it says, however they are spread.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from providers.calling.shared_limits import SharedLimits

# A stranger may come with any number of keys. The one that was used longest ago is forgotten first.
_KEYS: Final = 5_000


class Windows:
    """Windows of one limit in this process alone, by key."""

    def __init__(self, times: int, per_s: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self.times = times
        self.per_s = per_s
        self._now = now
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    async def take(self, key: str) -> float:
        """0, and it is counted; otherwise the seconds until there is room."""
        now, taken = self._now(), self._taken.setdefault(key, deque(maxlen=self.times))
        self._taken.move_to_end(key)
        if len(self._taken) > _KEYS:
            self._taken.popitem(last=False)
        wait_s = self._wait_s(taken, now)
        if wait_s == 0:
            taken.append(now)
        return wait_s

    async def wait_s(self, key: str) -> float:
        """The seconds until there is room, 0 where there is."""
        return self._wait_s(self._taken.get(key, deque()), self._now())

    def _wait_s(self, taken: deque[float], now: float) -> float:
        return max(taken[0] + self.per_s - now, 0) if len(taken) == self.times else 0


class SharedWindows:
    """Windows of the limit with this name over all processes; while Redis is away, `alone` counts for this one."""

    def __init__(self, name: str, limits: SharedLimits, alone: Windows) -> None:
        self._name = name
        self._limits = limits
        self._alone = alone

    async def take(self, key: str) -> float:
        """As `Windows.take`."""
        try:
            return await self._limits.count(f"{self._name}:{key}", self._alone.times, self._alone.per_s)
        except (RedisError, OSError):
            return await self._alone.take(key)

    async def wait_s(self, key: str) -> float:
        """As `Windows.wait_s`."""
        try:
            return await self._limits.wait_s(f"{self._name}:{key}", self._alone.times, self._alone.per_s)
        except (RedisError, OSError):
            return await self._alone.wait_s(key)
