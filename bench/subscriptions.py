"""What do open subscriptions cost one `serve`, and how long does an event take to reach all sockets of its user?

`python -m bench.subscriptions 5000` opens that many, ten to a user, on SQLite. Both sides need a file each.
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.machine import at, heading, tell
from tests.builders.customers import Customer
from tests.builders.fleet import Process, fleet

SOCKETS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
EACH = 10
AT_ONCE = 50
EVENTS = 50
FOLLOW = "subscription { viewerEvents { cursor kind } }"
START_KYC = "mutation { startKyc { kyc { status } } }"


def resident_kib(process: Process) -> int:
    assert process.running is not None
    status = Path(f"/proc/{process.running.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def signed_in(running: Process, http: httpx.AsyncClient) -> str:
    path = "/auth/bankid/login?persona=new&return_to=/api/health/live"
    assert (await http.get(f"{running.url}{path}", follow_redirects=True)).status_code == httpx.codes.OK
    return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


async def opened(process: Process, cookies: str, stack: AsyncExitStack, turns: asyncio.Semaphore) -> ClientConnection:
    """A subscription that has had its snapshot."""
    async with turns:
        socket = await stack.enter_async_context(
            connect(
                f"{process.url.replace('http', 'ws')}/graphql",
                subprotocols=[Subprotocol("graphql-transport-ws")],
                additional_headers={"Cookie": cookies, "Origin": process.url},
                open_timeout=60,
            )
        )
        await socket.send('{"type":"connection_init"}')
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": FOLLOW}}))
        await next_item(socket)
        return socket


async def next_item(socket: ClientConnection) -> None:
    while json.loads(await socket.recv())["type"] != "next":
        pass


async def measure() -> None:
    folder = Path(tempfile.mkdtemp())
    async with AsyncExitStack() as stack:
        running = stack.enter_context(fleet(folder, "sqlite", serves=1, workers=0))
        (process,) = running.serves
        clients = [await stack.enter_async_context(httpx.AsyncClient(timeout=60)) for _ in range(SOCKETS // EACH)]
        cookies = [await signed_in(process, http) for http in clients]
        before, begun = resident_kib(process), time.monotonic()
        turns = asyncio.Semaphore(AT_ONCE)
        asked = [opened(process, one, stack, turns) for one in cookies for _ in range(EACH)]
        sockets = await asyncio.gather(*asked)
        took, after = time.monotonic() - begun, resident_kib(process)

        fanned: list[float] = []
        for place in range(min(EVENTS, len(clients))):
            customer = Customer(running, clients[place], random.Random(1))
            mine = sockets[place * EACH : (place + 1) * EACH]
            waiting = [asyncio.create_task(next_item(socket)) for socket in mine]
            sent = time.monotonic()
            await customer.ask(START_KYC)
            await asyncio.gather(*waiting)
            fanned.append(1_000 * (time.monotonic() - sent))
    tell(heading())
    tell(f"{len(sockets)} subscriptions of {len(clients)} users, opened in {took:.0f} s:")
    tell(f"{(after - before) / len(sockets):.1f} KiB each ({before // 1024} MiB before, {after // 1024} MiB after)")
    told = f"p50 {at(fanned, 0.5):.0f} ms, p99 {at(fanned, 0.99):.0f}"
    tell(f"from the mutation to the last of its user's {EACH} sockets: {told}")


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(measure())
