"""How a connection to PostgreSQL is encrypted, in libpq's words: `sslmode` and `sslrootcert` of its URL."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Final

import asyncpg
from sqlalchemy.engine import URL

from domain.link_local import refuse_link_local

# Without one of these anybody between us and the server can be the server.
_VERIFIED: Final = frozenset({"verify-ca", "verify-full"})
_MODES: Final = frozenset({"disable", "allow", "prefer", "require"}) | _VERIFIED
# The authorities that the system trusts (libpq 16).
_SYSTEM: Final = "system"


async def connect(*args: Any, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """As `asyncpg.connect`, which takes libpq's words in an address alone, and that is taken apart before.

    Raises OSError where the server's name leads to a link-local address. A name that is not resolved within the
    driver's own `timeout` raises TimeoutError, as a connection that is not made does.
    """
    async with asyncio.timeout(options.get("timeout")):
        await _check_hosts(options.get("host"))
    return await asyncpg.connect(*args, **with_tls(options))


async def _check_hosts(given: str | Sequence[str] | None) -> None:
    """Of several hosts one that has no address costs itself alone: the driver tries the others."""
    for host in [given] if isinstance(given, str) else given or ():
        if not host.startswith("/"):
            with suppress(socket.gaierror):
                refuse_link_local(host, await asyncio.get_running_loop().getaddrinfo(host, None))


def with_tls(options: dict[str, Any]) -> dict[str, Any]:
    """The options with the driver's own in place of libpq's words. Raises OSError if the authority cannot be read."""
    mode, authority = options.get("sslmode"), options.get("sslrootcert")
    kept = {name: value for name, value in options.items() if name not in ("sslmode", "sslrootcert")}
    if mode is None:
        return kept
    return {**kept, "ssl": _context(mode, authority) if mode in _VERIFIED else mode}


def problem_of(url: URL) -> str | None:
    """What is wrong with the words, None where nothing is."""
    mode, authority = url.query.get("sslmode"), url.query.get("sslrootcert")
    if mode is not None and mode not in _MODES:
        return f"sslmode is one of {', '.join(sorted(_MODES))}"
    if authority is not None and mode not in _VERIFIED:
        return "sslrootcert needs sslmode=verify-full"
    return None


def is_verified(url: URL) -> bool:
    """Whether the connection is encrypted, and the server proves who it is."""
    return url.query.get("sslmode") in _VERIFIED


def hosts_of(url: URL) -> frozenset[str]:
    """The machines that the URL names; none where it names a Unix socket."""
    named = url.query.get("host", ())
    hosts = [url.host or "", *((named,) if isinstance(named, str) else named)]
    return frozenset(
        host.rsplit(":", 1)[0] if host.count(":") == 1 else host for host in hosts if host[:1] not in ("", "/")
    )


@cache
def _context(mode: str, authority: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if authority == _SYSTEM else authority)
    context.check_hostname = mode == "verify-full"
    return context
