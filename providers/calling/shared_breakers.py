"""A breaker that opens in one process opens in all of them, for as long as the first one stays open.

Each process counts failures by itself, so that no call waits for Redis; only the opening is shared. Without Redis, and
while Redis is away, each process finds out by itself that a vendor is away.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.calling.guard import Guard
from providers.fanout.port import Fanout
from providers.fanout.redis import is_cancelled

_TIMEOUT_S: Final = 2.0
_UNPUBLISHED: Final = 100
_log = structlog.get_logger()


class SharedBreakers:
    """Shares the openings of breakers, by names that are the same in every process.

    `url` is a Redis URL. `run` must be active: without it every process keeps its breakers to itself.
    """

    def __init__(self, url: str, fanout: Fanout) -> None:
        self._redis = Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._fanout = fanout
        self._opened: asyncio.Queue[str] = asyncio.Queue(_UNPUBLISHED)

    def opened(self, name: str) -> None:
        """Publish that failures in this process have opened the breaker of this name. Never waits."""
        with suppress(asyncio.QueueFull):
            self._opened.put_nowait(name)

    async def run(self, guards: Mapping[str, Guard]) -> None:
        """Publish the breakers that open here, and open those that opened elsewhere, until cancelled.

        Trouble with Redis is logged or passed over, not raised.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_openings(guards))
            for name, guard in guards.items():
                tasks.create_task(self._follow_openings(name, guard))

    async def close(self) -> None:
        """Close the connections to Redis. Call it after `run` has ended."""
        await self._redis.aclose()

    async def _publish_openings(self, guards: Mapping[str, Guard]) -> None:
        while not is_cancelled():
            name = await self._opened.get()
            try:
                # The key expires with the breaker: a process that starts later must not open a breaker that has closed.
                await self._redis.set(_key(name), "open", px=int(guards[name].open_s * 1_000))
            except (RedisError, OSError) as error:
                _log.warning("breaker_not_shared", breaker=name, error=type(error).__name__)
            else:
                self._fanout.publish(_key(name))

    async def _follow_openings(self, name: str, guard: Guard) -> None:
        async with self._fanout.listen(_key(name)) as wake_up:
            while not is_cancelled():
                # Only the key says that the breaker is open: a reconnection to Redis wakes every listener as well.
                with suppress(RedisError, OSError):
                    if await self._redis.exists(_key(name)):
                        await guard.open_breaker()
                if not is_cancelled():
                    await wake_up.wait()


def _key(name: str) -> str:
    return f"drop:breaker:{name}"
