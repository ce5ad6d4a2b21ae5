"""A GraphQL subscription over a real WebSocket, as a browser with that session opens it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.builders.answers import CheckedConnection


@asynccontextmanager
async def subscribed(
    url: str, http: httpx.AsyncClient, query: str, *, within_s: float = 10, unread: int = 16, **variables: object
) -> AsyncIterator[ClientConnection]:
    """What is received is the caller's: the acknowledgement first, then the snapshot.

    Beyond so many `unread` messages nothing is taken off the line.
    """
    cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    async with connect(
        f"{url.replace('http', 'ws')}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        additional_headers={"Cookie": cookies, "Origin": url},
        open_timeout=within_s,
        max_queue=unread,
        create_connection=CheckedConnection,
    ) as socket:
        await socket.send('{"type":"connection_init"}')
        payload = {"query": query, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        yield socket


async def next_item(socket: ClientConnection) -> None:
    """Past whatever comes before it."""
    while json.loads(await socket.recv())["type"] != "next":
        pass
