"""Two processes on one Redis: what a vendor lets us send in a second is counted over both."""

from pathlib import Path

import anyio
from structlog.testing import capture_logs

from providers.calling.guard import Guard, Resilience
from providers.calling.shared import SharedCalling
from providers.calling.shared_limits import SharedLimits
from tests.builders.private_servers import private_redis

PER_SECOND = 5


class Process:
    def __init__(self, url: str) -> None:
        limited = Resilience(30, 5, 60, per_second=PER_SECOND)
        self.sent = 0
        self.shared = SharedLimits(url)
        turns = SharedCalling(limits=self.shared).turns
        self.guard = Guard("card_payments", limited, frozenset(), vendor="stripe", turns=turns)

    async def call(self) -> None:
        async def send() -> None:
            self.sent += 1

        await self.guard.call("create", send)

    async def call_all_day(self) -> None:
        while True:
            await self.call()


async def test_two_processes_together_send_no_more_than_one_may(tmp_path: Path) -> None:
    with private_redis(tmp_path) as redis:
        one, other = Process(redis.url), Process(redis.url)
        with anyio.move_on_after(3):
            async with anyio.create_task_group() as tasks:
                for process in (one, other):
                    tasks.start_soon(process.call_all_day)
        for process in (one, other):
            await process.shared.close()

    # Each alone would have sent fifteen and its first burst; a sliding window lets one more second's worth through.
    assert PER_SECOND < one.sent + other.sent <= 4 * PER_SECOND


async def test_without_redis_each_keeps_to_it_by_itself() -> None:
    process = Process("redis://127.0.0.1:1/0")

    with anyio.fail_after(10):
        for _ in range(PER_SECOND + 1):
            await process.call()

    assert process.sent == PER_SECOND + 1
    await process.shared.close()


async def test_a_vendor_without_a_limit_asks_nobody() -> None:
    unlimited = Resilience(1, 5, 60)
    shared = SharedCalling(limits=SharedLimits("redis://127.0.0.1:1/0"))
    guard = Guard("kyc", unlimited, frozenset(), turns=shared.turns)

    with capture_logs() as logs:
        assert await guard.call("status", answer) == "answered"
    await shared.close()

    assert logs == []


async def answer() -> str:
    return "answered"
