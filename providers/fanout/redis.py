"""Fan-out over Redis: what is published in one process wakes the listeners of all.

Every process subscribes to one Redis channel, which carries the names of the channels to wake. Redis may be restarted
at any time: every listener is woken after each reconnection, and reads the database from time to time besides.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final
from uuid import uuid4

import structlog
from prometheus_client import Gauge
from redis.exceptions import RedisError

from providers.calling.own_hosts import redis_at
from providers.fanout.memory import MemoryFanout
from providers.fanout.port import WakeUp

_SEPARATOR: Final = "\n"
# `publish` never waits: while Redis is away, wake-ups beyond this number are dropped, as the port allows.
_UNSENT: Final = 10_000
_CHANNELS_PER_MESSAGE: Final = 500
_RETRY_AFTER_S: Final = 1.0
_TIMEOUT_S: Final = 2.0
# How long Redis may say nothing before it is asked, and then again until it counts as away.
_SILENT_S: Final = 3.0
UNHEARD: Final = Gauge("drop_redis_unheard", "1 while this process does not hear the wake-ups of others.")
_log = structlog.get_logger()


class RedisFanout:
    """Wakes this process by itself, and all other processes while `run` is active.

    `is_connected` is set while this process receives the wake-ups of others. `url` is a Redis URL (redis://,
    rediss:// or unix://); `names` is what the names of this environment begin with.
    """

    def __init__(self, url: str, names: str = "drop") -> None:
        self._channel = f"{names}:hints"
        self._redis = redis_at(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        # A Unix socket has nothing to be kept alive, and takes no such option.
        kept_alive = {} if url.startswith("unix:") else {"socket_keepalive": True}
        # Without a read timeout: nothing may be published for hours, and Redis is asked by itself whether it lives.
        self._subscriber = redis_at(url, socket_timeout=None, socket_connect_timeout=_TIMEOUT_S, **kept_alive)
        self._in_process = MemoryFanout()
        self._process_id = uuid4().hex
        self._unsent: asyncio.Queue[str] = asyncio.Queue(_UNSENT)
        self.is_connected = asyncio.Event()

    def publish(self, channel: str) -> None:
        self.wake(channel)
        with suppress(asyncio.QueueFull):
            self._unsent.put_nowait(channel)

    def wake(self, channel: str) -> None:
        self._in_process.wake(channel)

    def channels(self) -> Sequence[str]:
        return self._in_process.channels()

    def listen(self, *channels: str) -> AbstractAsyncContextManager[WakeUp]:
        return self._in_process.listen(*channels)

    async def run(self) -> None:
        """Send and receive wake-ups until cancelled; while Redis is away, try again each second."""
        UNHEARD.set(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_wake_ups())
            tasks.create_task(self._receive_wake_ups())

    async def is_heard(self) -> bool:
        """Whether the wake-ups of other processes come in."""
        return self.is_connected.is_set()

    async def close(self) -> None:
        await self._redis.aclose()
        await self._subscriber.aclose()

    async def _send_wake_ups(self) -> None:
        while not is_cancelled():
            channels = {await self._unsent.get()}
            while len(channels) < _CHANNELS_PER_MESSAGE and not self._unsent.empty():
                channels.add(self._unsent.get_nowait())
            try:
                message = _SEPARATOR.join((self._process_id, *channels))
                await self._redis.publish(self._channel, message)
            except (RedisError, OSError) as error:
                _log.warning("wake_ups_not_sent", error=type(error).__name__)
                await asyncio.sleep(_RETRY_AFTER_S)

    async def _receive_wake_ups(self) -> None:
        while not is_cancelled():
            try:
                await self._subscribe()
            except (RedisError, OSError) as error:
                _log.warning("wake_ups_not_received", error=type(error).__name__)
            self.is_connected.clear()
            UNHEARD.set(1)
            await asyncio.sleep(_RETRY_AFTER_S)

    async def _subscribe(self) -> None:
        async with self._subscriber.pubsub(ignore_subscribe_messages=False) as subscription:
            await subscription.subscribe(self._channel)
            was_asked = False
            while not is_cancelled():
                message = await subscription.get_message(timeout=_SILENT_S)
                if message is not None:
                    was_asked = False
                    self._take(message)
                elif was_asked:
                    raise TimeoutError("Redis does not answer")
                else:
                    was_asked = True
                    await subscription.ping()

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "subscribe":
            self.is_connected.set()
            UNHEARD.set(0)
            # Wake-ups that were sent before this subscription are lost: every listener reads the database.
            self._in_process.wake_all()
        elif message["type"] == "message":
            try:
                self._wake_from(message["data"].decode().split(_SEPARATOR))
            except UnicodeDecodeError:
                _log.warning("wake_up_unreadable")  # not ours: a wake-up is made of names alone

    def _wake_from(self, message: Sequence[str]) -> None:
        sender, *channels = message
        # Its own wake-ups have been given by `publish`: Redis sends them back to their sender, too.
        if sender != self._process_id:
            for channel in channels:
                self.wake(channel)


def is_cancelled() -> bool:
    """Whether the running task was cancelled.

    The Redis client swallows a cancellation that comes while it connects, so a loop asks here, or it would never end.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
