"""A worker does several jobs at once: one slow vendor holds up its own kind alone, and a stop lets work finish.

A vendor that is away blocks no job, however long it is away.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import pytest
from anyio import fail_after
from sqlmodel import select

from db.engine import Database
from db.jobs import BLOCKED, LEASED, QUEUED
from db.tables.job import JobRow
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.errors import InDoubt, ProviderUnavailable, Unavailable
from domain.job import Job, QueuedJob
from gateway.assembly.clocks import SystemClock
from services.jobs.handlers import handler
from services.jobs.heartbeat import Heartbeats
from services.jobs.signal import WorkerSignal
from services.jobs.worker import Worker
from tests.builders.gateway import Play, playing
from tests.conftest import NOON

AT_ONCE = 4
SLOW = 6


@dataclass(frozen=True, slots=True)
class Slow(Job):
    kind: ClassVar[str] = "slow"


@dataclass(frozen=True, slots=True)
class AlsoSlow(Job):
    kind: ClassVar[str] = "also_slow"


@dataclass(frozen=True, slots=True)
class Quick(Job):
    """What moves money."""

    kind: ClassVar[str] = "quick"


@dataclass(frozen=True, slots=True)
class Long(Job):
    """What may take longer than a lease."""

    kind: ClassVar[str] = "long"


@dataclass(frozen=True, slots=True)
class Failing(Job):
    kind: ClassVar[str] = "failing"


@dataclass
class Hours:
    """A clock that a test moves."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Gate:
    """While it is closed, transactions of the worker wait before they begin."""

    is_closed: bool = False
    waiting: asyncio.Queue[asyncio.Event] = field(default_factory=asyncio.Queue)

    async def enter(self) -> None:
        if self.is_closed:
            self.waiting.put_nowait(is_open := asyncio.Event())
            await is_open.wait()


class GatedWork(UnitOfWork):
    def __init__(self, database: Database, gate: Gate) -> None:
        super().__init__(database.write, CommitWakeUps())
        self._gate = gate

    async def __aenter__(self) -> Self:
        await self._gate.enter()
        return await super().__aenter__()


@dataclass
class Work:
    """Slow jobs wait until they are told to go on."""

    play: Play
    worker: Worker
    other: Worker
    clock: Hours
    gate: Gate
    ended: asyncio.Queue[object]
    running: int = 0
    most: int = 0
    done: int = 0
    is_crowded: asyncio.Event = field(default_factory=asyncio.Event)
    is_flooded: asyncio.Event = field(default_factory=asyncio.Event)
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    all_done: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    quick_done: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    closes_gate: bool = False

    async def fail(self) -> None:
        if self.error is not None:
            raise self.error

    async def slow(self) -> None:
        self.running += 1
        self.has_begun.set()
        self.most = max(self.most, self.running)
        if self.running == AT_ONCE // 2:
            self.is_crowded.set()
        if self.running == AT_ONCE - 1:
            self.is_flooded.set()
        await self.go_on.wait()
        self.running -= 1
        self.done += 1
        if self.done == SLOW:
            self.all_done.set()

    async def quick(self) -> None:
        self.gate.is_closed = self.closes_gate
        self.quick_done.set()

    async def tried(self, error: Exception | None, *, hours: int) -> QueuedJob | None:
        """The failing job once it has met `error` at its next `hours` tries, None when it is done."""
        self.error = error
        for _ in range(hours):
            self.clock.at += timedelta(hours=1)
            await self.worker.run_due()
        async with Reading(self.play.gateway.infrastructure.database.read) as read:
            left = await read.jobs.in_status([QUEUED, BLOCKED], 100)
            return next((job for job in left if job.kind == "failing"), None)

    async def is_blocked(self) -> bool:
        async with Reading(self.play.gateway.infrastructure.database.read) as read:
            return "failing" in {job.kind for job in await read.jobs.in_status([BLOCKED], 100)}

    async def enqueue(self, *jobs: Job) -> None:
        now = NOON - timedelta(minutes=1)
        async with UnitOfWork(self.play.gateway.infrastructure.database.write, CommitWakeUps()) as work:
            for job in jobs:
                work.jobs.enqueue(job, now=now)
            await work.commit()


@pytest.fixture
async def work(either_database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with playing(either_database_url, tmp_path, NOON) as play:
        database, clock = play.gateway.infrastructure.database, Hours(NOON)
        made: Work

        async def slow() -> None:
            await made.slow()

        async def quick() -> None:
            await made.quick()

        writing, lease = partial(UnitOfWork, database.write, CommitWakeUps()), timedelta(seconds=30)
        gate, ended = Gate(), asyncio.Queue[object]()

        def a_worker() -> Worker:
            return Worker(
                partial(GatedWork, database, gate),
                dict(
                    [
                        handler(Slow, lambda job: slow()),
                        handler(AlsoSlow, lambda job: slow()),
                        handler(Quick, lambda job: quick()),
                        handler(Failing, lambda job: made.fail()),
                    ]
                ),
                clock,
                SystemClock(),
                play.gateway.services.incidents,
                Heartbeats(writing, partial(Reading, database.read), SystemClock(), lease),
                WorkerSignal(),
                on_done=ended.put_nowait,
                lease=lease,
                at_once=AT_ONCE,
                release="this",
                money_kinds={Quick.kind},
            )

        made = Work(play, a_worker(), a_worker(), clock, gate, ended)
        yield made


async def test_slow_work_leaves_room_for_other_work(work: Work) -> None:
    await work.enqueue(*[Slow()] * SLOW, Quick())
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
    await work.enqueue(Slow())
    running = asyncio.create_task(work.worker.run())
    with fail_after(10):
        await work.has_begun.wait()

    running.cancel()
    asyncio.get_running_loop().call_soon(work.go_on.set)
    with fail_after(10), suppress(asyncio.CancelledError):
        await running
    async with Reading(work.play.gateway.infrastructure.database.read) as read:
        left = [job.kind for job in await read.jobs.in_status(["QUEUED", "LEASED"], 10)]

    assert work.done == 1
    assert "slow" not in left


async def test_no_flood_of_other_work_holds_up_money(work: Work) -> None:
    await work.enqueue(*[Slow(), AlsoSlow()] * 500)
    running = asyncio.create_task(work.worker.run())
    with fail_after(10):
        await work.is_flooded.wait()

    await work.enqueue(Quick())
    with fail_after(10):
        await work.quick_done.wait()
    held = work.running
    running.cancel()
    work.go_on.set()
    await asyncio.gather(running, return_exceptions=True)

    assert held == work.most == AT_ONCE - 1


async def test_a_worker_that_is_stopped_gives_its_jobs_back(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.jobs.worker._FINISH_WITHIN_S", 0.01)
    await work.enqueue(Slow(), Slow())
    running = asyncio.create_task(work.worker.run())
    with fail_after(10):
        await work.is_crowded.wait()

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with Reading(work.play.gateway.infrastructure.database.read) as read:
        left = [job for job in await read.jobs.in_status([QUEUED], 100) if job.kind == "slow"]
    work.go_on.set()
    taken = await work.other.run_due()

    assert [job.attempts for job in left] == [0, 0]
    assert (taken >= 2, work.done) == (True, 2)


async def test_a_vendor_that_is_away_for_days_blocks_no_job(work: Work) -> None:
    await work.enqueue(Failing())

    await work.tried(Unavailable("card_payments"), hours=30)
    await work.tried(InDoubt("no answer"), hours=30)
    waiting = await work.tried(ProviderUnavailable("kyc", "away"), hours=30)
    blocked = await work.is_blocked()
    done = await work.tried(None, hours=1)

    assert waiting is not None
    # Asked each hour: no pause was longer.
    assert waiting.attempts == 90
    assert not blocked
    assert done is None


async def test_a_fault_of_our_own_blocks_a_job_after_twelve_tries(work: Work) -> None:
    await work.enqueue(Failing())
    await work.tried(Unavailable("card_payments"), hours=20)

    await work.tried(KeyError("ours"), hours=11)
    before = await work.is_blocked()
    await work.tried(KeyError("ours"), hours=1)

    assert not before
    assert await work.is_blocked()


async def test_a_job_that_ends_while_others_are_taken_off_is_taken_off_too(work: Work) -> None:
    """Two claims at once, as by a worker and by a clock that is moved, while a third job ends."""
    work.closes_gate = True
    await work.enqueue(Slow())
    running = asyncio.create_task(work.worker.run())
    with fail_after(20):
        await work.has_begun.wait()
        await work.enqueue(Quick())
        first = asyncio.create_task(work.worker.run_due())
        await work.ended.get()
        second = asyncio.create_task(work.worker.run_due())
        gates = [await work.gate.waiting.get() for _ in range(2)]
        work.go_on.set()
        await work.ended.get()
        work.gate.is_closed = False
        while not work.gate.waiting.empty():
            gates.append(work.gate.waiting.get_nowait())
        for gate in gates:
            gate.set()
        await asyncio.gather(first, second)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    async with Reading(work.play.gateway.infrastructure.database.read) as read:
        left = [job.kind for job in await read.jobs.in_status([QUEUED, LEASED], 10)]

    assert not {"slow", "quick"} & set(left)


async def test_a_job_that_may_take_longer_than_its_lease_is_done_once_and_to_its_end(work: Work) -> None:
    database, lease = work.play.gateway.infrastructure.database, timedelta(seconds=0.3)
    ran, began, ends, ended = list[str](), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def long() -> None:
        ran.append("began")
        began.set()
        await ends.wait()
        ended.set()

    def a_worker() -> Worker:
        writing = partial(UnitOfWork, database.write, CommitWakeUps())
        return Worker(
            writing,
            dict([handler(Long, lambda job: long())]),
            work.clock,
            SystemClock(),
            work.play.gateway.services.incidents,
            Heartbeats(writing, partial(Reading, database.read), SystemClock(), lease),
            WorkerSignal(),
            on_done=lambda trace: None,
            lease=lease,
            at_once=2,
            release="this",
            money_kinds=(),
            long_kinds={Long.kind},
        )

    async def leased_until() -> datetime:
        async with database.read() as session:
            query = select(JobRow.leased_until).where(JobRow.kind == Long.kind)
            found = (await session.exec(query)).one()
        assert found is not None
        return found

    await work.enqueue(Long())
    running, other = asyncio.create_task(a_worker().run()), a_worker()
    with fail_after(10):
        await began.wait()
        # Until a lease is renewed that the first, with the second between two polls, did not reach.
        first = renewed = await leased_until()
        while renewed < first + lease + timedelta(seconds=1):
            renewed = await leased_until()
        assert await other.run_due() == 0
        ends.set()
        await ended.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert ran == ["began"]
