"""Two processes on one Redis: a vendor that one process has found away is not called by the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from anyio import fail_after

from domain.errors import Unavailable
from providers.calling.guard import Guard, Resilience, VendorTrouble
from providers.calling.shared_breakers import SharedBreakers
from providers.fanout.redis import RedisFanout
from tests.builders.private_servers import PrivateRedis, private_redis

NAME = "open_banking:open_payments"
FAILURES = 5


@dataclass
class Process:
    guard: Guard
    fanout: RedisFanout
    calls: int = 0
    is_away: bool = False

    async def ask(self, bank: str = "") -> bool:
        """Whether the vendor, or this bank behind it, answered."""

        async def send() -> None:
            self.calls += 1
            if self.is_away:
                raise VendorTrouble("500")

        with suppress(Unavailable):
            await self.of(bank).call("status", send)
            return True
        return False

    def of(self, bank: str) -> Guard:
        return self.guard.at(bank) if bank else self.guard

    async def find_it_away(self, bank: str = "") -> None:
        self.is_away = True
        for _ in range(FAILURES):
            assert not await self.ask(bank)

    async def until_open(self, bank: str = "") -> None:
        with fail_after(10):
            for _ in count():
                if self.of(bank).is_open:
                    return
                await asyncio.sleep(0)


def a_guard(shared: SharedBreakers) -> Guard:
    resilience = Resilience(1, FAILURES, 60)
    return Guard("open_banking", resilience, frozenset(), vendor="open_payments", on_opened=shared.opened)


async def a_process(url: str, stack: AsyncExitStack) -> Process:
    fanout = RedisFanout(url)
    shared = SharedBreakers(url, fanout)
    guard = a_guard(shared)
    for closing in (fanout.close, shared.close):
        stack.push_async_callback(closing)
    for running in (fanout.run(), shared.run({NAME: guard})):
        task = asyncio.create_task(running)
        stack.push_async_callback(_ended, task)
    with fail_after(10):
        await fanout.is_connected.wait()
    return Process(guard, fanout)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def redis(tmp_path: Path, stack: AsyncExitStack) -> PrivateRedis:
    return stack.enter_context(private_redis(tmp_path))


async def test_a_breaker_that_opens_opens_in_all_processes_and_in_those_that_start_later(
    redis: PrivateRedis, stack: AsyncExitStack
) -> None:
    first, second = await a_process(redis.url, stack), await a_process(redis.url, stack)
    assert await second.ask()

    await first.find_it_away()
    await second.until_open()
    later = await a_process(redis.url, stack)
    await later.until_open()

    assert not await second.ask()
    assert not await later.ask()
    assert (second.calls, later.calls) == (1, 0)


async def test_a_bank_that_is_away_in_one_process_is_left_alone_by_all_and_the_others_are_not(
    redis: PrivateRedis, stack: AsyncExitStack
) -> None:
    first, second = await a_process(redis.url, stack), await a_process(redis.url, stack)

    await first.find_it_away("bank_dnb")
    await second.until_open("bank_dnb")

    assert not await second.ask("bank_dnb")
    assert await second.ask("bank_nordea")
    assert await second.ask()


async def test_a_redis_that_comes_back_opens_nothing(redis: PrivateRedis, stack: AsyncExitStack) -> None:
    first, second = await a_process(redis.url, stack), await a_process(redis.url, stack)
    redis.kill()
    await first.find_it_away()
    redis.start()

    # Both fan-outs are connected again once a wake-up goes from one to the other.
    async with second.fanout.listen("probe") as wake_up:
        with fail_after(20):
            await wake_up.wait()  # the reconnection wakes every listener
            first.fanout.publish("probe")
            await wake_up.wait()

    assert await second.ask()
    assert first.guard.is_open


async def test_without_redis_each_counts_for_itself(stack: AsyncExitStack) -> None:
    url = "redis://127.0.0.1:1/0"
    fanout = RedisFanout(url)
    shared = SharedBreakers(url, fanout)
    guard = a_guard(shared)
    stack.push_async_callback(_ended, asyncio.create_task(shared.run({NAME: guard})))
    process = Process(guard, fanout)

    await process.find_it_away()

    assert guard.is_open
    await shared.close()
    await fanout.close()
