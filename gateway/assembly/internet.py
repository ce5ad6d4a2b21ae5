"""Clients of the vendors outside."""

import ssl
from contextlib import AsyncExitStack
from typing import Protocol

import httpx


class Internet(Protocol):
    """Opens a client for one vendor, so that a slow one holds none of the others' connections."""

    def __call__(self, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient: ...


def internet_until(stack: AsyncExitStack) -> Internet:
    """All clients that it opens are closed with the stack."""

    def internet(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        client = httpx.AsyncClient(verify=tls if tls is not None else True)
        stack.push_async_callback(client.aclose)
        return client

    return internet
