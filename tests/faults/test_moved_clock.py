"""The mock clock in several processes: no advance is lost, it never runs backwards, and it leaves no job behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from anyio import fail_after
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from db.jobs import LEASED, QUEUED
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.ids import PaymentId, UserId
from gateway.assembly.clocks import SystemClock
from gateway.mock.clock_driver import follow_offset
from services.jobs.handlers import handler
from services.jobs.heartbeat import Heartbeats
from services.jobs.signal import WorkerSignal
from services.jobs.worker import Worker
from services.payments.bank_status import AskBank
from tests.builders.gateway import Play, a_payment, pay, playing
from tests.conftest import NOON


async def seconds_ahead(play: Play) -> int:
    ahead: int = (await play.browser().http.get("/api/mock/clock")).json()["aheadSeconds"]
    return ahead


@pytest.fixture
async def plays(either_database_url: str, tmp_path: Path) -> AsyncIterator[list[Play]]:
    """Two processes on one database."""
    async with (
        playing(either_database_url, tmp_path / "one", NOON) as one,
        playing(either_database_url, tmp_path / "other", NOON) as other,
    ):
        yield [one, other]


async def test_an_advance_in_one_process_is_added_to_that_of_another(plays: list[Play]) -> None:
    one, other = plays

    await one.advance(hours=2)
    await other.advance(seconds=3)

    assert await seconds_ahead(other) == 7_203


async def test_advances_at_the_same_time_are_added(plays: list[Play]) -> None:
    await asyncio.gather(*(play.advance(hours=1) for play in plays for _ in range(3)))
    for play in plays:
        await play.advance(seconds=1)

    assert await seconds_ahead(plays[-1]) == 6 * 3_600 + 2


async def test_a_reset_puts_the_clock_back_in_every_process(plays: list[Play]) -> None:
    one, other = plays
    await one.advance(days=30)
    await other.advance(seconds=1)

    await other.browser().http.post("/api/mock/reset")
    kari, account = await other.banked()
    await pay(kari, a_payment(account))
    # The process that has not yet heard of the reset moves nothing of what it believes.
    await one.advance(seconds=5)

    assert await seconds_ahead(one) == await seconds_ahead(other) + 5 == 3 + 5
    await other.advance(seconds=1)
    assert await seconds_ahead(other) == 3 + 5 + 1
    await one.gateway.services.reset.reset_mock_services()
    assert await seconds_ahead(one) == 0


async def test_an_offset_that_was_read_before_an_advance_does_not_undo_it(play: Play) -> None:
    clock, database = play.gateway.clock, play.gateway.infrastructure.database
    reads = asyncio.Queue[asyncio.Event]()

    @asynccontextmanager
    async def slow_reading() -> AsyncIterator[AsyncSession]:
        async with database.read() as session:
            yield session
            reads.put_nowait(may_end := asyncio.Event())
            await may_end.wait()

    slow = replace(database, read=cast("async_sessionmaker[Any]", slow_reading))
    following = asyncio.create_task(follow_offset(clock, slow))
    with fail_after(10):
        before_the_advance = await reads.get()
        await play.advance(seconds=3)
        before_the_advance.set()
        await reads.get()
    ahead = await seconds_ahead(play)
    following.cancel()

    assert ahead == 3


class CountedClock:
    """The machine's time, which every claim of jobs reads; `is_read_often` is set after twenty readings."""

    def __init__(self) -> None:
        self.readings = 0
        self.is_read_often = asyncio.Event()

    def now(self) -> datetime:
        self.readings += 1
        if self.readings >= 20:
            self.is_read_often.set()
        return datetime.now(UTC)


@dataclass
class OtherWorker:
    """The worker of another process: its first job waits for `may_end`, and plans the next job for an hour later."""

    play: Play
    began: asyncio.Event
    may_end: asyncio.Event

    async def ask(self, job: AskBank) -> None:
        self.began.set()
        await self.may_end.wait()
        now = self.play.gateway.clock.now()
        async with self._work() as work:
            work.jobs.enqueue(job, now=now, due_at=now + timedelta(hours=1))
            await work.commit()

    def _work(self) -> UnitOfWork:
        return UnitOfWork(self.play.gateway.infrastructure.database.write, CommitWakeUps())

    async def begin(self) -> None:
        now = self.play.gateway.clock.now()
        async with self._work() as work:
            work.jobs.enqueue(AskBank(UserId("usr_x"), PaymentId("pay_x"), 60), now=now)
            await work.commit()

    async def jobs(self, *statuses: str) -> list[str]:
        async with Reading(self.play.gateway.infrastructure.database.read) as read:
            return [job.kind for job in await read.jobs.in_status(statuses, 10)]

    def worker(self) -> Worker:
        read, lease = partial(Reading, self.play.gateway.infrastructure.database.read), timedelta(seconds=30)
        return Worker(
            self._work,
            dict([handler(AskBank, self.ask)]),
            self.play.gateway.clock,
            SystemClock(),
            self.play.gateway.services.incidents,
            Heartbeats(self._work, read, SystemClock(), lease),
            WorkerSignal(),
            on_done=lambda trace: None,
            lease=lease,
            at_once=4,
            release="this",
            money_kinds=(),
        )


async def test_the_clock_does_not_pass_a_job_that_another_process_is_doing(
    either_database_url: str, tmp_path: Path
) -> None:
    machine = CountedClock()
    async with playing(either_database_url, tmp_path, NOON, machine_clock=machine) as play:
        other = OtherWorker(play, asyncio.Event(), asyncio.Event())
        await other.begin()
        working = asyncio.create_task(other.worker().run())
        with fail_after(20):
            await other.began.wait()
        machine.readings = 0
        advancing = asyncio.create_task(play.advance(days=1))
        looked = asyncio.create_task(machine.is_read_often.wait())
        with fail_after(20):
            await asyncio.wait({advancing, looked}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()  # A worker that stops lets the job under way finish, and then takes no other.
        other.may_end.set()
        with fail_after(20):
            await asyncio.gather(working, return_exceptions=True)
            await advancing
        looked.cancel()

        assert "ask_bank" not in await other.jobs(QUEUED, LEASED)
