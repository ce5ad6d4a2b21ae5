"""A breaker that opens in one process opens in all of them, for as long as the first one stays open.

Each process counts failures by itself, so that no call waits for Redis; only the opening is shared. Without Redis, and
while Redis is away, each process finds out by itself that a vendor is away.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from providers.calling.guard import Guard
from providers.calling.own_hosts import redis_at
from providers.fanout.port import Fanout
from providers.fanout.redis import is_cancelled

_TIMEOUT_S: Final = 2.0
_UNPUBLISHED: Final = 100
_log = structlog.get_logger()


class SharedBreakers:
    """Shares the openings of breakers, by names that are the same in every process.

    `url` is a Redis URL, `names` what the names of this environment begin with. `run` must be active: without it every
    process keeps its breakers to itself.
    """

    def __init__(self, url: str, fanout: Fanout, names: str = "drop") -> None:
        # The names of open breakers, each with the end of its opening in seconds of the clock of Redis.
        self._key = f"{names}:breakers"
        self._redis = redis_at(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._fanout = fanout
        self._opened: asyncio.Queue[tuple[str, float]] = asyncio.Queue(_UNPUBLISHED)

    def opened(self, name: str, for_s: float) -> None:
        """Publish that failures in this process have opened the breaker of this name. Never waits."""
        with suppress(asyncio.QueueFull):
            self._opened.put_nowait((name, for_s))

    async def run(self, guards: Mapping[str, Guard]) -> None:
        """Publish the breakers that open here, and open those that opened elsewhere, until cancelled.

        `guards` are by the vendor's name; a breaker of one bank is found below its vendor's. Trouble with Redis is
        logged or passed over, not raised.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_openings())
            tasks.create_task(self._follow_openings(guards))

    async def close(self) -> None:
        """Close the connections to Redis. Call it after `run` has ended."""
        await self._redis.aclose()

    async def _publish_openings(self) -> None:
        while not is_cancelled():
            name, for_s = await self._opened.get()
            try:
                now = await self._now()
                # An entry ends with its breaker: a process that starts later must not open a breaker that has closed.
                await self._redis.zremrangebyscore(self._key, "-inf", now)
                await self._redis.zadd(self._key, {name: now + for_s})
            except (RedisError, OSError) as error:
                _log.warning("breaker_not_shared", breaker=name, error=type(error).__name__)
            else:
                self._fanout.publish(self._key)

    async def _follow_openings(self, guards: Mapping[str, Guard]) -> None:
        async with self._fanout.listen(self._key) as wake_up:
            while not is_cancelled():
                # Only the entries say what is open: a reconnection to Redis wakes every listener as well.
                with suppress(RedisError, OSError):
                    await self._open_here(guards)
                if not is_cancelled():
                    await wake_up.wait()

    async def _open_here(self, guards: Mapping[str, Guard]) -> None:
        now = await self._now()
        found: Any = await self._redis.zrangebyscore(self._key, now, "+inf", withscores=True)
        for name, until in found:
            vendor, _, bank = name.decode(errors="replace").partition("/")
            if vendor in guards:
                guards[vendor].open_breaker(until - now, bank)

    async def _now(self) -> float:
        """By the clock of Redis: those of two machines differ."""
        seconds, microseconds = await self._redis.time()
        return float(seconds) + float(microseconds) / 1_000_000
