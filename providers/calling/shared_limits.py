"""A vendor's limit of calls in a second, counted over all processes.

While Redis is away, each process keeps to the whole limit by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any, Final

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

_RETRY_AFTER_S: Final = 0.02
# A Redis that hangs holds up a call to a vendor for this long at most.
_TIMEOUT_S: Final = 0.5
_log = structlog.get_logger()


class SharedLimits:
    """Limits of calls over all processes, by names that are the same in every process. `url` is a Redis URL."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        options: dict[str, Any] = {"connection_pool": self._pool}
        storage = RedisStorage(f"async+{url}", implementation="redispy", key_prefix="drop:limit", **options)
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    def admission(self, name: str, per_second: float) -> Callable[[], Awaitable[None]]:
        """The function that a guard awaits before each call. It waits for a turn among the calls of all processes.

        `per_second` is the limit; it is rounded down, to 1 at least.
        """
        return partial(self._admit, name, RateLimitItemPerSecond(max(int(per_second), 1)))

    async def close(self) -> None:
        """Close the connections to Redis. Safe to repeat."""
        await self._pool.aclose()

    async def _admit(self, name: str, limit: RateLimitItem) -> None:
        """Wait until the limit allows another call. The deadline of the call ends the wait."""
        try:
            for _ in count():
                if await self._limiter.hit(limit, name):
                    return
                await asyncio.sleep(_RETRY_AFTER_S)
        except (RedisError, OSError) as error:
            _log.warning("limit_not_shared", limit=name, error=type(error).__name__)
