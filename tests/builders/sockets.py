"""Sockets and event streams of a gateway that is played in this process."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from anyio import fail_after
from starlette.types import Message

from domain.locale import accepted
from tests.builders.gateway import BASE, Play, Player


class Socket:
    """A WebSocket client that speaks ASGI with the application."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.from_app: asyncio.Queue[Message] = asyncio.Queue()

    async def send(self, **message: object) -> None:
        await self.to_app.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive(self) -> dict[str, Any]:
        with fail_after(10):
            message = await self.from_app.get()
        if message["type"] == "websocket.send":
            received: dict[str, Any] = json.loads(message["text"])
            return received
        return dict(message)

    async def subscribe(self, query: str, identifier: str = "1", **variables: object) -> None:
        await self.send(id=identifier, type="subscribe", payload={"query": query, "variables": variables})

    async def item(self) -> dict[str, Any]:
        """The next item of the one subscription."""
        received = await self.receive()
        assert received["type"] == "next", received
        assert "errors" not in received["payload"], received
        (item,) = received["payload"]["data"].values()
        return dict(item)


@asynccontextmanager
async def socket_of(
    play: Play,
    player: Player | None = None,
    *,
    origin: str | None = BASE,
    init: Mapping[str, object] | None = None,
    language: str | None = None,
) -> AsyncIterator[Socket]:
    socket = Socket()
    headers = [(b"host", b"localhost:8000"), (b"sec-websocket-protocol", b"graphql-transport-ws")]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    if language is not None:
        headers.append((b"accept-language", language.encode()))
    if player is not None:
        cookies = "; ".join(f"{name}={value}" for name, value in player.http.cookies.items())
        headers.append((b"cookie", cookies.encode()))
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "subprotocols": ["graphql-transport-ws"],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 8000),
        "state": {},
        "extensions": {},
    }
    task = asyncio.create_task(play.app(scope, socket.to_app.get, socket.from_app.put))
    await socket.to_app.put({"type": "websocket.connect"})
    first = await socket.receive()
    if first["type"] == "websocket.accept":
        await socket.send(type="connection_init", payload=init or {})
    else:
        await socket.from_app.put(first)
    try:
        yield socket
    finally:
        await socket.to_app.put({"type": "websocket.disconnect", "code": 1000})
        with fail_after(10):
            await task


async def opened(socket: Socket) -> None:
    assert (await socket.receive())["type"] == "connection_ack"


@asynccontextmanager
async def event_stream(
    play: Play, player: Player, query: str, **variables: object
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a subscription over SSE."""
    url = f"http://127.0.0.1:{await play.port()}"
    headers = {"accept": "text/event-stream", "origin": url}
    if "accept-language" in player.http.headers:
        headers["accept-language"] = player.http.headers["accept-language"]
    cookies = {name: value for name, value in player.http.cookies.items() if name == "drop_session"}
    body = {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, cookies=cookies, timeout=60) as http,
        http.stream("POST", "/graphql", json=body) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["content-language"] == accepted(headers.get("accept-language"))
        assert "Accept-Language" in response.headers["vary"]
        yield response.aiter_lines()


async def events_of(play: Play, player: Player, query: str, count: int, **variables: object) -> list[dict[str, Any]]:
    """The first items of a subscription over SSE."""
    found: list[dict[str, Any]] = []
    with fail_after(10):
        async with event_stream(play, player, query, **variables) as lines:
            async for line in lines:
                if line.startswith("data: "):
                    (item,) = json.loads(line.removeprefix("data: "))["data"].values()
                    found.append(item)
                if len(found) == count:
                    break
    return found
