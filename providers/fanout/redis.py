"""Fan-out over Redis: what is published in one process wakes the listeners of all.

Hints alone, on one channel that every process hears. Redis may be restarted at any time: whoever listens is woken after
each reconnection, and looks by itself from time to time besides.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final
from uuid import uuid4

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.fanout.memory import MemoryFanout
from providers.fanout.port import WakeUp

_CHANNEL: Final = "drop:hints"
_SEPARATOR: Final = "\n"
# Whoever publishes never waits. What exceeds this is lost, as hints may be.
_WAITING: Final = 10_000
_AT_ONCE: Final = 500
_AGAIN_AFTER_S: Final = 1.0
_PATIENCE_S: Final = 2.0
_log = structlog.get_logger()


class RedisFanout:
    """`run` carries the hints until it is cancelled; without it, it wakes its own process alone."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S)
        # A listener waits for as long as nothing is said; a dead line is found by the keep-alive.
        self._hears = Redis.from_url(
            url, socket_timeout=None, socket_connect_timeout=_PATIENCE_S, socket_keepalive=True, health_check_interval=5
        )
        self._here = MemoryFanout()
        self._name = uuid4().hex
        self._waiting: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        self.is_connected = asyncio.Event()

    def publish(self, channel: str) -> None:
        self.wake(channel)
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait(channel)

    def wake(self, channel: str) -> None:
        self._here.wake(channel)

    def channels(self) -> Sequence[str]:
        return self._here.channels()

    def listen(self, *channels: str) -> AbstractAsyncContextManager[WakeUp]:
        return self._here.listen(*channels)

    async def run(self) -> None:
        """Send and hear until cancelled; while Redis is away, try again each second."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_sending())
            tasks.create_task(self._keep_hearing())

    async def close(self) -> None:
        await self._redis.aclose()
        await self._hears.aclose()

    async def _keep_sending(self) -> None:
        while is_still_running():
            channels = {await self._waiting.get()}
            while len(channels) < _AT_ONCE and not self._waiting.empty():
                channels.add(self._waiting.get_nowait())
            try:
                message = _SEPARATOR.join((self._name, *channels))
                await self._redis.publish(_CHANNEL, message)
            except (RedisError, OSError) as error:
                _log.warning("hints_not_sent", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_AFTER_S)

    async def _keep_hearing(self) -> None:
        while is_still_running():
            try:
                await self._hear()
            except (RedisError, OSError) as error:
                _log.warning("hints_not_heard", error=type(error).__name__)
            self.is_connected.clear()
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _hear(self) -> None:
        async with self._hears.pubsub(ignore_subscribe_messages=False) as heard:
            await heard.subscribe(_CHANNEL)
            if not is_still_running():
                return
            async for message in heard.listen():
                if message["type"] == "subscribe":
                    self.is_connected.set()
                    # Something may have been said while nobody heard it.
                    self._here.wake_all()
                elif message["type"] == "message":
                    self._take(message["data"].decode().split(_SEPARATOR))

    def _take(self, parts: Sequence[str]) -> None:
        name, *channels = parts
        if name != self._name:
            for channel in channels:
                self.wake(channel)


def is_still_running() -> bool:
    """False once this task was cancelled: the client swallows a cancellation that comes while it connects."""
    task = asyncio.current_task()
    return task is not None and not task.cancelling()
