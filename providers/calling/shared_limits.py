"""A vendor's limit of calls in a second, counted over all processes.

While Redis is away, each process keeps to the whole limit by itself.
"""

from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.calling.rate import Rate, Turns

# A Redis that hangs holds up a call to a vendor for this long at most.
_TIMEOUT_S: Final = 0.5
_log = structlog.get_logger()
# `Rate.take` by the clock of Redis, in microseconds; -1 where the turn is too far away. Numbers are formatted by hand,
# because Lua writes large ones with fourteen digits alone.
_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local interval, burst, within = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wait = math.max(at - burst - now, 0)
if wait > within then return '-1' end
local ends = at + interval
redis.call('SET', KEYS[1], string.format('%.0f', ends), 'PX', math.ceil((ends - now) / 1000) + 1)
return string.format('%.0f', wait)
"""


class SharedLimits:
    """Limits of calls over all processes, by names that are the same in every process. `url` is a Redis URL."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._take = self._redis.register_script(_TAKE)

    def turns(self, name: str, per_second: float) -> Turns:
        """The turns of the limit with this name, among the calls of all processes."""
        return _SharedTurns(self, name, Rate(per_second))

    async def take(self, name: str, rate: Rate, within_s: float) -> float | None:
        """A turn as `Turns.take` gives it, by `rate`. Raises RedisError, OSError."""
        args = [str(int(seconds * 1_000_000)) for seconds in (rate.interval_s, rate.burst_s, within_s)]
        wait_us = int(await self._take(keys=[f"drop:limit:{name}"], args=args))
        return wait_us / 1_000_000 if wait_us >= 0 else None

    async def close(self) -> None:
        """Close the connections to Redis. Safe to repeat."""
        await self._redis.aclose()


class _SharedTurns:
    def __init__(self, limits: SharedLimits, name: str, alone: Rate) -> None:
        self._limits = limits
        self._name = name
        self._alone = alone

    async def take(self, *, within_s: float) -> float | None:
        try:
            return await self._limits.take(self._name, self._alone, within_s)
        except (RedisError, OSError) as error:
            _log.warning("limit_not_shared", limit=self._name, error=type(error).__name__)
            return await self._alone.take(within_s=within_s)
