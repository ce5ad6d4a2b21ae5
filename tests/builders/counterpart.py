"""A vendor's HTTP server on this machine, which says what a test wants and does a test's harm."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

HANG: Final = b"HANG"


def answer(status: int, body: str = "", **headers: str) -> bytes:
    """A whole HTTP answer; header names with underscores for dashes."""
    content = body.encode()
    given = {"content-type": "text/plain", "content-length": str(len(content)), "connection": "close", **headers}
    lines = [f"HTTP/1.1 {status} Answer", *(f"{name.replace('_', '-')}: {value}" for name, value in given.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Counterpart:
    """Answers what is in `answers`, in turn, and the last of them from then on; raw bytes, so they may be broken.

    `on_silence` is called when a request is left without an answer (HANG).
    """

    answers: list[bytes]
    requests: list[Heard] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    on_silence: Callable[[], None] = lambda: None
    lines: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer)
        writer.close()
        self.lines.discard(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        method, path, _ = first.split(" ")
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        self.requests.append(Heard(method, path, fields, body))
        self.heard.set()
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if said == HANG:
            self.on_silence()
            await reader.read()
        else:
            writer.write(said)
            await writer.drain()


@asynccontextmanager
async def counterpart(*answers: bytes) -> AsyncIterator[Counterpart]:
    vendor = Counterpart(list(answers))
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield vendor
        for line in vendor.lines:
            line.close()
