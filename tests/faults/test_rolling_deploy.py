"""Two releases work off one queue during a rolling deploy: no job is lost, none is tried in vain."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import ClassVar

import pytest
from sqlalchemy import text

from db.engine import Database, open_database
from db.jobs import BLOCKED, LEASED, QUEUED
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.alert import Alert
from domain.job import Job, QueuedJob
from providers.alerts.console import ConsoleAlerts
from providers.errors.off import NoCapture
from services.incidents import Incidents
from services.jobs.handlers import Handler, handler
from services.jobs.heartbeat import Heartbeats
from services.jobs.signal import WorkerSignal
from services.jobs.worker import MAX_FAULTS, Worker
from tests.builders.fields import FIELDS
from tests.builders.gateway import StandingClock
from tests.conftest import NOON


@dataclass(frozen=True, slots=True)
class Greet(Job):
    """As the older release knows it."""

    kind: ClassVar[str] = "greet"
    name: str


@dataclass(frozen=True, slots=True)
class GreetIn(Job):
    """As the newer release knows it."""

    kind: ClassVar[str] = "greet"
    version: ClassVar[int] = 2
    name: str
    language: str = "nb"


@dataclass(frozen=True, slots=True)
class Wave(Job):
    """Which the older release does not know."""

    kind: ClassVar[str] = "wave"


@dataclass
class Alerts:
    """What operators are told."""

    sent: list[Alert] = field(default_factory=list)

    async def send(self, alert: Alert) -> None:
        self.sent.append(alert)


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    database = open_database(either_database_url, fields=FIELDS)
    yield database
    await database.close()


def worker_of(
    database: Database,
    *handlers: tuple[str, Handler],
    clock: StandingClock,
    release: str = "this",
    incidents: Incidents | None = None,
) -> Worker:
    incidents = incidents or Incidents(ConsoleAlerts("test"), NoCapture(), clock)
    work, read = partial(UnitOfWork, database.write, CommitWakeUps()), partial(Reading, database.read)
    lease = timedelta(seconds=30)
    heartbeats, signal = Heartbeats(work, read, clock, lease), WorkerSignal()
    return Worker(
        work, dict(handlers), clock, clock, incidents, heartbeats, signal, lambda trace: None, lease, 4, release, ()
    )


async def queue(database: Database, *jobs: Job) -> None:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        for job in jobs:
            work.jobs.enqueue(job, now=NOON)
        await work.commit()


async def queued(database: Database) -> list[QueuedJob]:
    async with Reading(database.read) as read:
        assert await read.jobs.in_status([BLOCKED, LEASED], 10) == []
        return await read.jobs.in_status([QUEUED], 10)


async def test_a_payload_of_the_older_release_is_worked_off_by_the_newer(database: Database) -> None:
    done: list[Job] = []

    async def greet(job: GreetIn) -> None:
        done.append(job)

    await queue(database, Greet("Kari"))
    async with database.read_engine.connect() as connection:
        stored = (await connection.execute(text("SELECT payload FROM job"))).scalar_one()
    await worker_of(database, handler(GreetIn, greet), clock=StandingClock(NOON)).run_due()

    assert "version" not in str(stored)
    assert done == [GreetIn("Kari", "nb")]
    assert await queued(database) == []


async def test_what_the_older_release_does_not_know_waits_for_the_newer_and_counts_no_try(database: Database) -> None:
    done: list[Job] = []

    async def work_off(job: Job) -> None:
        done.append(job)

    clock = StandingClock(NOON)
    await queue(database, GreetIn("Kari", "nn"), Wave(), Greet("Ola"))
    for _ in range(MAX_FAULTS + 1):
        older = worker_of(database, handler(Greet, work_off), clock=clock)
        # A job that is given back at once would keep the older release busy with it for good.
        assert await older.run_due() <= 2
        await older.run_due()
        clock = replace(clock, at=clock.at + timedelta(minutes=1))
    left = await queued(database)
    newer = worker_of(database, handler(GreetIn, work_off), handler(Wave, work_off), clock=clock)
    await newer.run_due()

    assert {(job.kind, job.attempts, job.faults, job.last_error) for job in left} == {
        ("greet", 0, 0, None),
        ("wave", 0, 0, None),
    }
    assert done[0] == Greet("Ola")
    assert set(done[1:]) == {GreetIn("Kari", "nn"), Wave()}
    assert await queued(database) == []


async def test_what_a_fault_of_one_release_blocked_is_tried_again_by_the_next(database: Database) -> None:
    done: list[Job] = []

    async def greet(job: Greet) -> None:
        done.append(job)

    async def fail(job: Greet) -> None:
        raise ZeroDivisionError

    clock, alerts = StandingClock(NOON), Alerts()
    incidents = Incidents(alerts, NoCapture(), clock)
    await queue(database, Greet("Kari"), Greet("Ola"))
    for _ in range(MAX_FAULTS + 1):
        old = worker_of(database, handler(Greet, fail), clock=clock, release="old", incidents=incidents)
        await old.run_due()
        clock = replace(clock, at=clock.at + timedelta(hours=1))
    async with Reading(database.read) as read:
        blocked = await read.jobs.in_status([BLOCKED], 10)
    # The release that failed leaves them alone, however often it starts.
    assert await worker_of(database, handler(Greet, fail), clock=clock, release="old").run_due() == 0
    tried = await worker_of(database, handler(Greet, greet), clock=clock, release="new").run_due()

    await incidents.drain()
    assert [(job.attempts, job.last_error) for job in blocked] == [(MAX_FAULTS, "ZeroDivisionError")] * 2
    assert [alert.title for alert in alerts.sent].count("Job blocked: greet") == 1
    assert (tried, {job.name for job in done if isinstance(job, Greet)}) == (2, {"Kari", "Ola"})
    assert await queued(database) == []


async def test_two_releases_side_by_side_try_a_blocked_job_once_an_hour(database: Database) -> None:
    async def fail(job: Greet) -> None:
        raise ZeroDivisionError

    clock = StandingClock(NOON)
    await queue(database, Greet("Kari"))
    for _ in range(MAX_FAULTS):
        await worker_of(database, handler(Greet, fail), clock=clock, release="old").run_due()
        clock = replace(clock, at=clock.at + timedelta(hours=1))
    clock = replace(clock, at=clock.at - timedelta(minutes=1))
    early = await worker_of(database, handler(Greet, fail), clock=clock, release="new").run_due()
    clock = replace(clock, at=clock.at + timedelta(minutes=1))
    after_an_hour = await worker_of(database, handler(Greet, fail), clock=clock, release="new").run_due()

    assert (early, after_an_hour) == (0, 1)
