"""Servers of our own, such as Redis, a mail server or a store: they may be private, and are never link-local.

Their names are resolved before each connection: whoever answers for a name may have changed it since the start.
"""

import asyncio
import socket
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import Connection, SSLConnection

from domain.link_local import refuse_link_local


async def check_host(host: str) -> None:
    """Raises OSError where the name cannot be resolved, or leads to a link-local address."""
    refuse_link_local(host, await asyncio.get_running_loop().getaddrinfo(host, None))


def check_host_at_once(host: str) -> None:
    """As `check_host`, for a thread of its own."""
    refuse_link_local(host, socket.getaddrinfo(host, None))


def redis_at(url: str, **options: Any) -> Redis:
    """A client of Redis, with these options of redis-py."""
    redis = Redis.from_url(url, **options)
    pool = redis.connection_pool
    pool.connection_class = _CHECKED.get(pool.connection_class, pool.connection_class)
    return redis


class _Checked(Connection):
    async def _connect(self) -> None:
        # A resolver that hangs costs no more than a server that does.
        async with asyncio.timeout(self.socket_connect_timeout):
            await check_host(self.host)
        await super()._connect()  # type: ignore[no-untyped-call]  # as redis-py has it


class _CheckedTls(_Checked, SSLConnection):
    pass


# A Unix socket stays as it is.
_CHECKED: Final[dict[Any, Any]] = {Connection: _Checked, SSLConnection: _CheckedTls}
