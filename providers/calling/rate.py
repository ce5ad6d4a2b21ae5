"""So many calls in a time: each call is told how long it has to wait for its turn, which is then reserved.

Source: the Generic Cell Rate Algorithm, ITU-T I.371, annex A. A waiting call sleeps once and asks nobody again.
"""

import time
from collections.abc import Callable
from typing import Protocol


class Turns(Protocol):
    """Gives out turns, in the order in which they are asked for."""

    async def take(self, *, within_s: float) -> float | None:
        """The seconds until a turn, which is reserved; None if it is more than `within_s` away: none is reserved."""


class Rate:
    """`calls` in `per_s` seconds, as many at once after a quiet time; implements `Turns` for this process alone."""

    def __init__(self, calls: float, per_s: float = 1, *, now: Callable[[], float] = time.monotonic) -> None:
        self.interval_s = per_s / calls
        # How far turns may be given out ahead of their even spread.
        self.burst_s = max(per_s - self.interval_s, 0)
        self._now = now
        self._next = float("-inf")

    async def take(self, *, within_s: float) -> float | None:
        """As `Turns.take`."""
        now = self._now()
        at = max(self._next, now)
        wait = max(at - self.burst_s - now, 0)
        if wait > within_s:
            return None
        self._next = at + self.interval_s
        return wait

    async def take_now(self) -> bool:
        """Take a turn if one is free. Never waits."""
        return await self.take(within_s=0) is not None
