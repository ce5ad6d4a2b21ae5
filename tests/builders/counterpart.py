"""A vendor's HTTP server on this machine, which says what a test wants and does a test's harm."""

import asyncio
import json
from collections.abc import AsyncIterator
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


@dataclass
class Counterpart:
    """Answers what is in `answers`, in turn, and the last of them from then on; raw bytes, so they may be broken."""

    answers: list[bytes]
    requests: list[Any] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        self.requests.append(json.loads(await reader.readexactly(int(fields[b"content-length"]))))
        self.heard.set()
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if said == HANG:
            await reader.read()
        else:
            writer.write(said)
            with suppress(ConnectionError):
                await writer.drain()
        writer.close()


@asynccontextmanager
async def counterpart(*answers: bytes) -> AsyncIterator[Counterpart]:
    vendor = Counterpart(list(answers))
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield vendor
