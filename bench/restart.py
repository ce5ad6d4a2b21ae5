"""Does a subscriber miss an event, or see one twice, while every `serve` is restarted in turn?

`python -m bench.restart 5000` opens that many subscriptions, ten to a user, over two `serve` on PostgreSQL and Redis of
their own, and lets every user cause events all the while.
"""

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import text
from websockets.exceptions import WebSocketException

from bench.load import logged_in
from bench.machine import at, heading, open_files, tell
from db.engine import open_database
from tests.builders.customers import Customer
from tests.builders.fleet import Fleet, fleet
from tests.builders.subscriber import subscribed

SOCKETS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
EACH = 10
AT_ONCE = 50
DRAIN_S = 20
RESTARTS_TAKE_S = 60
FOLLOW = "subscription($after: String) { viewerEvents(after: $after) { cursor kind } }"
START_KYC = "mutation { startKyc { kyc { status } } }"


@dataclass
class Follower:
    """One of a user's devices: after each cut it subscribes again with its cursor, at the other `serve`."""

    customer: Customer
    place: int
    turns: asyncio.Semaphore
    cursor: str | None = None
    seen: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    left_at: float = 0.0
    away_s: list[float] = field(default_factory=list)
    is_following: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Subscribe again after each cut, until cancelled."""
        serves = self.customer.fleet.serves
        for turn in count(self.place):
            with suppress(OSError, WebSocketException, TimeoutError):
                await self._follow(serves[turn % len(serves)].url)
            self.left_at = self.left_at or time.monotonic()

    async def _follow(self, url: str) -> None:
        async with AsyncExitStack() as stack:
            async with self.turns:
                opening = subscribed(url, self.customer.http, FOLLOW, within_s=60, after=self.cursor)
                socket = await stack.enter_async_context(opening)
                await socket.recv()
            if self.left_at:
                self.away_s.append(time.monotonic() - self.left_at)
                self.left_at = 0.0
            async for raw in socket:
                message = json.loads(raw)
                if message["type"] == "next":
                    self._receive(message["payload"]["data"]["viewerEvents"])

    def _receive(self, item: dict[str, str]) -> None:
        self.cursor = item["cursor"]
        self.gaps += item["kind"] == "RESUME_GAP"
        if item["kind"] == "CHANGE":
            self.seen[item["cursor"]] += 1
        self.is_following.set()


async def events_in(running: Fleet) -> int:
    database = open_database(running.database_url)
    async with database.read_engine.connect() as connection:
        found: int = (await connection.execute(text("SELECT count(*) FROM user_event"))).scalar_one()
    await database.close()
    return found


async def restart(running: Fleet) -> None:
    """Restart each `serve` in turn, as an orchestrator does it."""
    for process in running.serves:
        await asyncio.to_thread(process.end, signal.SIGTERM)
        process.start()
        await asyncio.to_thread(process.wait)


async def keep_asking(customers: list[Customer]) -> None:
    """Let each user cause events once, spread over the time of the restarts."""
    for customer in customers:
        await asyncio.gather(customer.ask(START_KYC), asyncio.sleep(RESTARTS_TAKE_S / len(customers)))


async def caught_up(running: Fleet, followers: list[Follower]) -> int:
    """Wait until the subscribers have all events. Gives how many events they should have."""
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            for _ in count():
                wanted = await events_in(running) * EACH
                if sum(len(follower.seen) for follower in followers) >= wanted:
                    break
                await asyncio.sleep(0.5)
    return await events_in(running) * EACH


async def measure() -> None:
    folder = Path(tempfile.mkdtemp())
    async with AsyncExitStack() as stack:
        served = fleet(folder, "postgresql", serves=2, workers=1, is_executed=True, DRAIN_S=str(DRAIN_S))
        running = stack.enter_context(served)
        customers = await stack.enter_async_context(logged_in(running, SOCKETS // EACH))
        turns = asyncio.Semaphore(AT_ONCE)
        followers = [Follower(customer, place, turns) for customer in customers for place in range(EACH)]
        subscriptions = [asyncio.create_task(follower.follow()) for follower in followers]
        await asyncio.gather(*(follower.is_following.wait() for follower in followers))
        before = await events_in(running)
        asking = asyncio.create_task(keep_asking(customers))
        begun = time.monotonic()
        await restart(running)
        restarted_in = time.monotonic() - begun
        await asking
        wanted = await caught_up(running, followers) - before * EACH
        for task in subscriptions:
            task.cancel()
    seen = [number for follower in followers for number in follower.seen.values()]
    away = [away for follower in followers for away in follower.away_s]
    twice, gaps = sum(seen) - len(seen), sum(follower.gaps for follower in followers)
    tell(heading())
    tell(f"{len(followers)} subscriptions, two `serve` restarted in {restarted_in:.0f} s (DRAIN_S={DRAIN_S}):")
    tell(f"{wanted} pushes wanted, {len(seen)} came, {twice} of them twice, {gaps} gaps")
    tell(f"{len(away)} came back, after p50 {at(away, 0.5):.1f} s, p99 {at(away, 0.99):.1f} s")


if __name__ == "__main__":
    open_files()
    asyncio.run(measure())
