"""A vendor that one process has found away is left alone by all of them, for as long as its breaker stays open.

Each process counts for itself, so that no call waits for Redis; what is shared is that a breaker has opened. Without
Redis, and while it is away, each finds out for itself.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.calling.guard import Guard
from providers.fanout.port import Fanout
from providers.fanout.redis import is_still_running

_PATIENCE_S: Final = 2.0
_WAITING: Final = 100
_log = structlog.get_logger()


class SharedBreakers:
    """`guards` are by a name that is the same in every process."""

    def __init__(self, url: str, fanout: Fanout, guards: Mapping[str, Guard]) -> None:
        self._redis = Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S)
        self._fanout = fanout
        self._guards = guards
        self._opened: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        for name, guard in guards.items():
            guard.on_opened = partial(self._note, name)

    async def run(self) -> None:
        """Tell of what opens here and take what has opened elsewhere, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_telling())
            for name, guard in self._guards.items():
                tasks.create_task(self._keep_hearing(name, guard))

    async def close(self) -> None:
        await self._redis.aclose()

    def _note(self, name: str) -> None:
        with suppress(asyncio.QueueFull):
            self._opened.put_nowait(name)

    async def _keep_telling(self) -> None:
        while is_still_running():
            name = await self._opened.get()
            try:
                # Gone by itself when the breaker would be: a process that starts later is told no tales.
                await self._redis.set(_key(name), "open", px=int(self._guards[name].open_s * 1_000))
            except (RedisError, OSError) as error:
                _log.warning("breaker_not_shared", breaker=name, error=type(error).__name__)
            else:
                self._fanout.publish(_key(name))

    async def _keep_hearing(self, name: str, guard: Guard) -> None:
        async with self._fanout.listen(_key(name)) as wake_up:
            while is_still_running():
                # A hint alone is no news: a Redis that comes back wakes everybody.
                with suppress(RedisError, OSError):
                    if await self._redis.exists(_key(name)):
                        await guard.open_by_other_process()
                if is_still_running():
                    await wake_up.wait()


def _key(name: str) -> str:
    return f"drop:breaker:{name}"
