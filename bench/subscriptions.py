"""What do open subscriptions cost one `serve`, and how long does an event take to reach all sockets of its user?

`python -m bench.subscriptions 5000` opens that many, ten to a user, on SQLite. Both sides need a file each.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from bench.load import logged_in
from bench.machine import at, heading, open_files, tell
from tests.builders.customers import Customer
from tests.builders.fleet import fleet
from tests.builders.subscriber import next_item, subscribed

SOCKETS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
EACH = 10
AT_ONCE = 50
EVENTS = 50
FOLLOW = "subscription { viewerEvents { cursor kind } }"
START_KYC = "mutation { startKyc { kyc { status } } }"


async def opened(customer: Customer, stack: AsyncExitStack, turns: asyncio.Semaphore) -> ClientConnection:
    """A subscription that has had its snapshot."""
    async with turns:
        url = customer.fleet.serves[0].url
        socket = await stack.enter_async_context(subscribed(url, customer.http, FOLLOW, within_s=60))
        await next_item(socket)
        return socket


async def measure() -> None:
    folder = Path(tempfile.mkdtemp())
    async with AsyncExitStack() as stack:
        running = stack.enter_context(fleet(folder, "sqlite", serves=1, workers=0, is_executed=True))
        (process,) = running.serves
        customers = await stack.enter_async_context(logged_in(running, SOCKETS // EACH))
        turns = asyncio.Semaphore(AT_ONCE)
        before, begun = process.resident_kib(), time.monotonic()
        asked = [opened(customer, stack, turns) for customer in customers for _ in range(EACH)]
        sockets = await asyncio.gather(*asked)
        took, after = time.monotonic() - begun, process.resident_kib()

        fanned: list[float] = []
        for place, customer in enumerate(customers[:EVENTS]):
            mine = sockets[place * EACH : (place + 1) * EACH]
            waiting = [asyncio.create_task(next_item(socket)) for socket in mine]
            sent = time.monotonic()
            await customer.ask(START_KYC)
            await asyncio.gather(*waiting)
            fanned.append(1_000 * (time.monotonic() - sent))
    tell(heading())
    tell(f"{len(sockets)} subscriptions of {len(customers)} users, opened in {took:.0f} s:")
    tell(f"{(after - before) / len(sockets):.1f} KiB each ({before // 1024} MiB before, {after // 1024} MiB after)")
    told = f"p50 {at(fanned, 0.5):.0f} ms, p99 {at(fanned, 0.99):.0f}"
    tell(f"from the mutation to the last of its user's {EACH} sockets: {told}")


if __name__ == "__main__":
    open_files()
    asyncio.run(measure())
