"""Clients of the vendors outside."""

from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx


def internet_until(stack: AsyncExitStack) -> Callable[[], httpx.AsyncClient]:
    """Opens a client for each vendor that asks for one; all are closed with the stack."""

    def internet() -> httpx.AsyncClient:
        client = httpx.AsyncClient()
        stack.push_async_callback(client.aclose)
        return client

    return internet
