"""A worker does several jobs at once: one slow vendor holds up its own kind alone, and a stop lets work finish."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from anyio import fail_after

from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from gateway.assembly.clocks import SystemClock
from services.jobs.worker import Worker
from tests.builders.gateway import Play, playing
from tests.conftest import NOON

AT_ONCE = 4
SLOW = 6


@dataclass
class Work:
    """Slow jobs wait until they are told to go on."""

    play: Play
    worker: Worker
    running: int = 0
    most: int = 0
    done: int = 0
    is_crowded: asyncio.Event = field(default_factory=asyncio.Event)
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    all_done: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    quick_done: asyncio.Event = field(default_factory=asyncio.Event)

    async def slow(self) -> None:
        self.running += 1
        self.has_begun.set()
        self.most = max(self.most, self.running)
        if self.running == AT_ONCE // 2:
            self.is_crowded.set()
        await self.go_on.wait()
        self.running -= 1
        self.done += 1
        if self.done == SLOW:
            self.all_done.set()

    async def quick(self) -> None:
        self.quick_done.set()

    async def enqueue(self, *kinds: str) -> None:
        now = NOON - timedelta(minutes=1)
        async with UnitOfWork(self.play.gateway.database.write, CommitWakeUps()) as work:
            for kind in kinds:
                work.jobs.enqueue(kind, {}, due_at=now, now=now)
            await work.commit()


@pytest.fixture
async def work(either_database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with playing(either_database_url, tmp_path, NOON) as play:
        database = play.gateway.database
        made: Work

        async def slow() -> None:
            await made.slow()

        async def quick() -> None:
            await made.quick()

        worker = Worker(
            partial(UnitOfWork, database.write, CommitWakeUps()),
            partial(Reading, database.read),
            {"slow": lambda job: slow(), "quick": lambda job: quick()},
            play.gateway.clock,
            SystemClock(),
            play.gateway.parts.incidents,
            on_done=lambda trace: None,
            lease=timedelta(seconds=30),
            at_once=AT_ONCE,
        )
        made = Work(play, worker)
        yield made


async def test_slow_work_leaves_room_for_other_work(work: Work) -> None:
    await work.enqueue(*["slow"] * SLOW, "quick")
    running = asyncio.create_task(work.worker.run())

    with fail_after(10):
        await work.is_crowded.wait()
        await work.quick_done.wait()
    still = work.running
    work.go_on.set()
    with fail_after(10):
        await work.all_done.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert still == work.most == AT_ONCE // 2


async def test_a_stop_lets_what_is_under_way_finish(work: Work) -> None:
    await work.enqueue("slow")
    running = asyncio.create_task(work.worker.run())
    with fail_after(10):
        await work.has_begun.wait()

    running.cancel()
    asyncio.get_running_loop().call_soon(work.go_on.set)
    with fail_after(10), suppress(asyncio.CancelledError):
        await running
    async with Reading(work.play.gateway.database.read) as read:
        left = [job.kind for job in await read.jobs.in_status(["QUEUED", "LEASED"], 10)]

    assert work.done == 1
    assert "slow" not in left
