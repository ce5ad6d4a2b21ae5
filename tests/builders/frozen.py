"""A line to a server that can freeze: what is sent is taken and never answered, as by a machine that hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass
class FreezableLine:
    """`url` leads over it."""

    url: str
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while chunk := await reader.read(65_536):
                    await self._flows.wait()
                    writer.write(chunk)
                    await writer.drain()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def freezable(url: str) -> AsyncIterator[FreezableLine]:
    parts = urlsplit(url)
    tasks = set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = await asyncio.open_connection(parts.hostname, parts.port)
        tasks.add(asyncio.create_task(line.carry(reader, to_server[1])))
        tasks.add(asyncio.create_task(line.carry(to_server[0], writer)))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        user = f"{parts.username}@" if parts.username else ""
        line = FreezableLine(urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}")))
        line.thaw()
        try:
            yield line
        finally:
            line.thaw()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
