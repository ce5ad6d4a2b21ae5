"""Limits counted over all processes: of our calls to a vendor, and of what clients do.

While Redis is away, each process keeps to the whole limit by itself.
"""

import time
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from providers.calling.own_hosts import redis_at
from providers.calling.rate import Rate, Turns

# A Redis that hangs holds up a call for this long at most, and after that nobody for a while.
_TIMEOUT_S: Final = 0.5
_AWAY_S: Final = 5.0
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
# `Windows.take` likewise: the newest times, of which the last one tells when there is room again.
_COUNT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local times, per, counts = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local wait = tonumber(redis.call('LINDEX', KEYS[1], times - 1) or 0) + per - now
if wait > 0 then return string.format('%.0f', wait) end
if counts == '1' then
  redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('LTRIM', KEYS[1], 0, times - 1)
  redis.call('PEXPIRE', KEYS[1], math.ceil(per / 1000))
end
return '0'
"""


class SharedLimits:
    """Limits over all processes, by names that are the same in every process.

    `url` is a Redis URL, `names` what the names of this environment begin with.
    """

    def __init__(self, url: str, names: str = "drop") -> None:
        self._names = names
        self._redis = redis_at(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._take = self._redis.register_script(_TAKE)
        self._count = self._redis.register_script(_COUNT)
        self._away_until = float("-inf")

    def turns(self, name: str, per_second: float) -> Turns:
        """The turns of the limit with this name, among the calls of all processes."""
        return _SharedTurns(self, name, Rate(per_second))

    async def take(self, name: str, rate: Rate, within_s: float) -> float | None:
        """A turn as `Turns.take` gives it, by `rate`. Raises RedisError, OSError."""
        wait_us = await self._ask(self._take, name, rate.interval_s, rate.burst_s, within_s)
        return wait_us / 1_000_000 if wait_us >= 0 else None

    async def count(self, name: str, times: int, per_s: float) -> float:
        """The seconds until there is room in the window; 0 where it was, and is counted. Raises RedisError, OSError."""
        return await self._ask(self._count, name, per_s, times=times, counts=1) / 1_000_000

    async def wait_s(self, name: str, times: int, per_s: float) -> float:
        """As `count`, and counts nothing."""
        return await self._ask(self._count, name, per_s, times=times, counts=0) / 1_000_000

    async def _ask(self, script: Any, name: str, *seconds: float, times: int | None = None, counts: int = 0) -> int:
        if time.monotonic() < self._away_until:
            raise ConnectionError("Redis did not answer a moment ago.")
        args = [str(int(one * 1_000_000)) for one in seconds]
        if times is not None:
            args = [str(times), *args, str(counts)]
        try:
            return int(await script(keys=[f"{self._names}:limit:{name}"], args=args))
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + _AWAY_S
            _log.warning("limits_not_shared", error=type(error).__name__, for_s=_AWAY_S)
            raise

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
        except (RedisError, OSError):
            return await self._alone.take(within_s=within_s)
