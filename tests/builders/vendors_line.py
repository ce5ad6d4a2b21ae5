"""The line between the gateway's processes and the vendors, which a drill can cut: no answer comes over it then."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

# The product's time and the judge are no vendors.
_NEVER_CUT: Final = (b"/vendors/clock", b"/vendors/ledger")


@dataclass
class VendorsLine:
    """`asked` counts the requests that met the cut."""

    port: int
    to_port: int = 0
    is_cut: bool = False
    asked: int = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, and its answer until the vendors close."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            if self.is_cut and not path.startswith(_NEVER_CUT):
                self.asked += 1
            else:
                await self._answered(head, reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _answered(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_vendors, to_vendors = await asyncio.open_connection("127.0.0.1", self.to_port)
        to_vendors.write(re.sub(rb"(?i)\r\nconnection: [^\r]*", b"\r\nConnection: close", head))
        body = asyncio.create_task(_pump(reader, to_vendors))
        try:
            await _pump(from_vendors, writer)
        finally:
            body.cancel()
            to_vendors.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def vendors_line() -> AsyncIterator[VendorsLine]:
    """Where it leads to is said before anybody calls."""
    tasks = set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(line.carry(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    line = VendorsLine(0)
    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        line.port = server.sockets[0].getsockname()[1]
        try:
            yield line
        finally:
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
