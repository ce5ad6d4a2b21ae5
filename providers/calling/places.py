"""So many at once for each key: open sockets of a user, over all processes or in this one alone."""

import asyncio
from collections import defaultdict
from typing import Final

import structlog
from redis.exceptions import RedisError

from providers.calling.own_hosts import redis_at

# Places of a process that has died are free again after this time; a living one renews its own before.
_KEPT_S: Final = 90
_RENEWED_EACH_S: Final = 30
# A Redis that hangs holds up a socket for this long at most.
_TIMEOUT_S: Final = 0.5
_log = structlog.get_logger()
_TAKE: Final = """
local now = tonumber(redis.call('TIME')[1])
local most, holder, kept = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= most and not redis.call('ZSCORE', KEYS[1], holder) then return 0 end
redis.call('ZADD', KEYS[1], now + kept, holder)
redis.call('EXPIRE', KEYS[1], kept)
return 1
"""


class Places:
    """Places in this process alone, `most` for each key."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: defaultdict[str, set[str]] = defaultdict(set)

    async def take(self, key: str, holder: str) -> bool:
        """Whether there was a place for the holder, who then has it."""
        if len(self.held[key]) >= self.most:
            return False
        self.held[key].add(holder)
        return True

    async def give_back(self, key: str, holder: str) -> None:
        """Free the holder's place. Safe to repeat."""
        self.held[key].discard(holder)
        if not self.held[key]:
            del self.held[key]


class SharedPlaces:
    """Places over all processes. While Redis is away, each process gives out as many by itself."""

    def __init__(self, url: str, names: str, most: int) -> None:
        self._alone = Places(most)
        self._names = names
        self._redis = redis_at(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._take = self._redis.register_script(_TAKE)

    async def take(self, key: str, holder: str) -> bool:
        """As `Places.take`."""
        if not await self._alone.take(key, holder):
            return False
        if await self._is_shared(key, holder):
            return True
        await self._alone.give_back(key, holder)
        return False

    async def give_back(self, key: str, holder: str) -> None:
        """As `Places.give_back`."""
        await self._alone.give_back(key, holder)
        try:
            await self._redis.zrem(self._name(key), holder)
        except (RedisError, OSError):
            _log.warning("place_not_given_back", for_s=_KEPT_S)

    async def run(self) -> None:
        """Renew this process's places until cancelled."""
        while True:
            await asyncio.sleep(_RENEWED_EACH_S)
            await self.renew()

    async def renew(self) -> None:
        """Renew this process's places once, those also that Redis has forgotten. Trouble is logged, not raised."""
        held = [(key, holder) for key, holders in self._alone.held.items() for holder in holders]
        try:
            for key, holder in held:
                await self._take(keys=[self._name(key)], args=[self._alone.most, holder, _KEPT_S])
        except (RedisError, OSError) as error:
            _log.warning("places_not_renewed", error=type(error).__name__)

    async def close(self) -> None:
        """Close the connections to Redis. Safe to repeat."""
        await self._redis.aclose()

    async def _is_shared(self, key: str, holder: str) -> bool:
        try:
            return bool(await self._take(keys=[self._name(key)], args=[self._alone.most, holder, _KEPT_S]))
        except (RedisError, OSError) as error:
            _log.warning("places_not_shared", error=type(error).__name__)
            return True

    def _name(self, key: str) -> str:
        return f"{self._names}:places:{key}"
