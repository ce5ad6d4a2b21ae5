"""What the design promises of transactions, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar

import pytest
from anyio import fail_after
from sqlalchemy import text

from db.engine import Database, open_database
from db.events import NewEvent
from db.jobs import LEASED
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork, retry_on_stale
from domain.errors import StaleVersion
from domain.event import EventKind
from domain.ids import KycId, UserId
from domain.job import Job, QueuedJob
from domain.kyc import Kyc, Review
from domain.kyc import KycStatus as Status
from domain.user import User
from tests.builders.fields import FIELDS

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KARI = UserId("usr_kari")
LEASE = timedelta(seconds=60)
KINDS = ("anything", "slow")


@dataclass(frozen=True, slots=True)
class Anything(Job):
    kind: ClassVar[str] = "anything"
    number: int = 0


@dataclass(frozen=True, slots=True)
class Slow(Job):
    kind: ClassVar[str] = "slow"
    number: int


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    database = open_database(either_database_url, fields=FIELDS)
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        await work.users.add(User(KARI, "Kari", NOON), issuer="i", subject="s")
        await work.events.begin_stream(KARI)
        work.kyc.add(Kyc(KycId("kyc_1"), KARI, "mock").start("applicant", NOON))
        await work.commit()
    yield database
    await database.close()


def event(number: int) -> NewEvent:
    return NewEvent(
        KARI, EventKind.KYC, f"kyc_{number}", {"number": number, "status": "PENDING", "version": number}, NOON
    )


async def test_of_a_hundred_concurrent_increments_none_is_lost(database: Database) -> None:
    async def increment() -> None:
        async def attempt() -> None:
            async with UnitOfWork(database.write, CommitWakeUps()) as work:
                kyc = await work.kyc.of_user(KARI)
                labels = (f"LABEL_{kyc.version}",)
                review = Review(Status.PENDING, NOON + timedelta(seconds=kyc.version), reject_labels=labels)
                await work.kyc.save(kyc, kyc.apply(review))
                await work.commit()

        while True:
            try:
                return await retry_on_stale(attempt)
            except StaleVersion:
                continue

    with fail_after(60):
        await asyncio.gather(*(increment() for _ in range(100)))

    async with Reading(database.read) as read:
        assert (await read.kyc.of_user(KARI)).version == 101


async def test_a_hundred_concurrent_events_are_numbered_without_a_gap(database: Database) -> None:
    async def tell(number: int) -> None:
        async with UnitOfWork(database.write, CommitWakeUps()) as work:
            work.publish(event(number))
            await work.commit()

    with fail_after(60):
        await asyncio.gather(*(tell(number) for number in range(100)))

    async with Reading(database.read) as read:
        events = await read.events.after(KARI, 0, 200)
    assert [one.seq for one in events] == list(range(1, 101))
    assert {one.fields["number"] for one in events} == set(range(100))


async def test_what_is_not_committed_is_rolled_back_with_its_events_and_jobs(database: Database) -> None:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        work.publish(event(1))
        work.jobs.enqueue(Anything(), now=NOON)
        await work.session.flush()

    async with Reading(database.read) as read:
        assert await read.events.after(KARI, 0, 10) == []
        assert await read.jobs.next_due(KINDS) is None


async def test_what_tells_nobody_is_not_committed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(*_: object) -> None:
        raise ConnectionError

    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        work.publish(event(1))
        work.jobs.enqueue(Anything(), now=NOON)
        monkeypatch.setattr(work.events, "append", dies)
        with pytest.raises(ConnectionError):
            await work.commit()

    async with Reading(database.read) as read:
        assert await read.jobs.next_due(KINDS) is None


async def test_wake_ups_come_after_the_commit_and_name_the_users(database: Database) -> None:
    woken: list[object] = []

    def wake(users: Sequence[UserId]) -> None:
        woken.extend([*users, "too early" if work.session.in_transaction() else "committed"])

    async with UnitOfWork(database.write, CommitWakeUps(wake, partial(woken.append, "jobs"))) as work:
        work.publish(event(1))
        work.jobs.enqueue(Anything(), now=NOON)
        assert woken == []
        await work.commit()

    assert woken == [KARI, "committed", "jobs"]


async def test_a_naive_time_is_refused(database: Database) -> None:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        with pytest.raises(Exception, match="naive"):
            work.jobs.enqueue(Anything(), due_at=datetime(2026, 1, 1), now=NOON)  # noqa: DTZ001


async def claim(database: Database, worker: str, machine_now: datetime = NOON, limit: int = 1) -> list[QueuedJob]:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        claimed = await work.jobs.claim(worker, limit, now=NOON, machine_now=machine_now, lease=LEASE, kinds=KINDS)
        await work.commit()
        return claimed


async def test_a_job_is_claimed_once_and_by_another_when_its_lease_has_run_out(database: Database) -> None:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        work.jobs.enqueue(Anything(1), now=NOON)
        work.jobs.enqueue(Anything(2), due_at=NOON + timedelta(seconds=1), now=NOON)
        await work.commit()

    claims = await asyncio.gather(*(claim(database, f"worker {n}") for n in range(5)))
    much_later = NOON + LEASE + timedelta(seconds=1)
    (taken_over,) = await claim(database, "another", much_later)

    (first,) = [job for claimed in claims for job in claimed]
    assert (taken_over.id, taken_over.attempts) == (first.id, 2)
    for worker, still_there in (("worker 0", True), ("another", False)):
        async with UnitOfWork(database.write, CommitWakeUps()) as work:
            await work.jobs.finish([first.id], worker)
            await work.commit()
        async with Reading(database.read) as read:
            assert (first.id in [job.id for job in await read.jobs.in_status([LEASED], 10)]) is still_there


async def test_workers_that_claim_many_share_them_in_the_order_in_which_they_fall_due(database: Database) -> None:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        for number in range(20):
            job = Slow(number) if number < 10 else Anything(number)
            work.jobs.enqueue(job, due_at=NOON - timedelta(seconds=number), now=NOON)
        await work.commit()

    claims = await asyncio.gather(*(claim(database, f"worker {n}", limit=4) for n in range(4)))

    assert {len(claimed) for claimed in claims} == {4}
    numbers = [[job.payload["number"] for job in claimed] for claimed in claims]
    assert all(one == sorted(one, reverse=True) for one in numbers)
    assert len({n for one in numbers for n in one}) == sum(len(one) for one in numbers)
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        rest = await work.jobs.claim("last", 20, now=NOON, machine_now=NOON, lease=LEASE, kinds=["anything"])
    assert {job.kind for job in rest} <= {"anything"}


async def test_two_overlapping_transactions_cannot_hide_an_event_from_a_cursor(database: Database) -> None:
    """The second writer waits for the first's number: what a reader has passed is committed."""
    async with UnitOfWork(database.write, CommitWakeUps()) as first:
        await first.events.append([event(1)])

        async def second() -> None:
            async with UnitOfWork(database.write, CommitWakeUps()) as work:
                work.publish(event(2))
                await work.commit()

        waiting = asyncio.create_task(second())
        async with Reading(database.read) as read:
            assert await read.events.after(KARI, 0, 10) == []
        assert not waiting.done()
        await first.session.commit()
    with fail_after(10):
        await waiting

    async with Reading(database.read) as read:
        assert [one.fields["number"] for one in await read.events.after(KARI, 0, 10)] == [1, 2]


async def test_what_is_read_together_belongs_together(database: Database) -> None:
    """A stream's position and the state that goes with it are of one moment, whoever writes in between."""
    async with Reading(database.read) as read:
        before = await read.events.position(KARI)
        async with UnitOfWork(database.write, CommitWakeUps()) as work:
            work.publish(event(1))
            await work.commit()
        assert await read.events.position(KARI) == before
        assert await read.events.after(KARI, 0, 10) == []

    async with Reading(database.read) as read:
        assert (await read.events.position(KARI)).seq == before.seq + 1


async def test_reads_cannot_write(database: Database) -> None:
    async with database.read_engine.connect() as connection:
        with pytest.raises(Exception, match=r"readonly|read-only"):
            await connection.execute(text("DELETE FROM job"))


async def test_a_connection_that_the_server_has_cut_is_not_handed_out(postgresql_url: str) -> None:
    database = open_database(postgresql_url, fields=FIELDS)
    async with database.write_engine.connect() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    other = open_database(postgresql_url, fields=FIELDS)
    async with other.write_engine.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})

    async with database.write_engine.connect() as connection:
        assert (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one() != backend
    await database.close()
    await other.close()


async def test_sqlite_enforces_its_foreign_keys(sqlite_url: str) -> None:
    database = open_database(sqlite_url, fields=FIELDS)
    async with database.read_engine.connect() as connection:
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
    await database.close()
