"""Clients of the vendors outside."""

import ssl
from contextlib import AsyncExitStack
from functools import cache
from typing import Final, Protocol

import httpx

# How long an answer may take is said by each vendor's `Resilience`, which httpx's own limits would cut short. A host
# that cannot be reached is known earlier, and nothing was sent then.
_TIMEOUT: Final = httpx.Timeout(None, connect=5, pool=5)


class Internet(Protocol):
    """Opens a client for one vendor, so that a slow one holds none of the others' connections."""

    def __call__(self, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient: ...


def internet_until(stack: AsyncExitStack) -> Internet:
    """All clients that it opens are closed with the stack."""
    # Reading the authorities' file takes 30 ms, and there are a dozen vendors.
    usual = cache(httpx.create_ssl_context)

    def internet(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        client = httpx.AsyncClient(verify=tls if tls is not None else usual(), timeout=_TIMEOUT)
        stack.push_async_callback(client.aclose)
        return client

    return internet
