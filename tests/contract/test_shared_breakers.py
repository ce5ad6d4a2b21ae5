"""Two processes on one Redis: a vendor that one process has found away is not called by the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import pytest
from anyio import fail_after

from domain.errors import Unavailable
from providers.calling.guard import Guard, Resilience
from providers.calling.shared_breakers import SharedBreakers
from providers.fanout.redis import RedisFanout
from tests.builders.private_servers import PrivateRedis, private_redis

NAME = "kyc:sumsub"
FAILURES = 5


@dataclass
class Process:
    guard: Guard
    fanout: RedisFanout
    calls: int = 0
    is_away: bool = False

    async def ask(self) -> bool:
        """Whether the vendor answered."""

        async def send() -> None:
            self.calls += 1
            if self.is_away:
                raise httpx.ConnectError("nobody listens")

        with suppress(Unavailable):
            await self.guard.call("status", send)
            return True
        return False

    async def find_it_away(self) -> None:
        self.is_away = True
        for _ in range(FAILURES):
            assert not await self.ask()

    async def until_open(self) -> None:
        with fail_after(10):
            for _ in count():
                if await self.guard.is_open():
                    return
                await asyncio.sleep(0)


def a_guard(shared: SharedBreakers) -> Guard:
    resilience = Resilience(1, FAILURES, 60)
    return Guard("kyc", resilience, frozenset(), vendor="sumsub", on_opened=partial(shared.opened, NAME))


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
    assert await first.guard.is_open()


async def test_without_redis_each_counts_for_itself(stack: AsyncExitStack) -> None:
    url = "redis://127.0.0.1:1/0"
    fanout = RedisFanout(url)
    shared = SharedBreakers(url, fanout)
    guard = a_guard(shared)
    stack.push_async_callback(_ended, asyncio.create_task(shared.run({NAME: guard})))
    process = Process(guard, fanout)

    await process.find_it_away()

    assert await guard.is_open()
    await shared.close()
    await fanout.close()
