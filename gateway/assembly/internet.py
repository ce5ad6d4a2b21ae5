"""Clients of the vendors outside."""

import ssl
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, Final, Protocol

import httpx

from providers.calling.loopback import LOOPBACK, is_public

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
        client = httpx.AsyncClient(
            verify=tls if tls is not None else usual(), timeout=_TIMEOUT, event_hooks={"request": [_watch_connection]}
        )
        stack.push_async_callback(client.aclose)
        return client

    return internet


async def _watch_connection(request: httpx.Request) -> None:
    """Have the connection of the request refused where it leads into a network of our own.

    The address counts to which the vendor's name was resolved: whoever answers for the name may have changed it.
    """
    host = request.url.host
    if host in LOOPBACK:
        return
    is_to_vendor = False

    async def watch(event: str, info: dict[str, Any]) -> None:
        nonlocal is_to_vendor
        if event == "connection.connect_tcp.started":
            # Otherwise it leads to the proxy that this machine's environment names.
            is_to_vendor = info["host"] == host
        elif event == "connection.connect_tcp.complete" and is_to_vendor:
            stream = info["return_value"]
            address = stream.get_extra_info("server_addr")[0]
            if not is_public(address):
                await stream.aclose()
                raise httpx.ConnectError(f"{host} leads to {address}, which is no address of the internet")

    request.extensions = {**request.extensions, "trace": watch}
