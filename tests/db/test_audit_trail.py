"""The audit trail: nothing in it is changed, late commits are sealed, months go whole: on both databases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from secrets import token_hex

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import Database, open_database
from db.grants import grant_serving
from db.reset import clear_tables
from db.unit_of_work import CommitWakeUps, Queries, Reading, UnitOfWork
from domain.audit import Anomaly, Place
from services.operations import audit_chain
from services.operations.audit_chain import AuditChain, Verdict
from services.operations.audit_trail import AuditTrail
from tests.builders.fields import FIELDS

ADD = "INSERT INTO audit_event (id, action, detail, at) VALUES ('aud_9', 'served', '{}', now())"
FORBIDDEN = (
    "CREATE TABLE mine (id integer)",
    "ALTER TABLE audit_event DISABLE TRIGGER USER",
    "UPDATE audit_event SET action = 'x'",
    "DELETE FROM audit_event",
    "TRUNCATE audit_event CASCADE",
    "UPDATE audit_seal SET hash = 'x'",
    "INSERT INTO audit_base (number, hash, dropped_at) VALUES (1, 'x', now())",
    "UPDATE alembic_version SET version_num = '0001'",
    "SELECT audit_drop(1, now(), 10)",
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class MovedClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


class Trail:
    """A database with its trail, whose clock the test moves."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = MovedClock()
        self.work, self.read = partial(UnitOfWork, database.write, CommitWakeUps()), partial(Reading, database.read)
        self.kept = AuditTrail(self.work, self.read, self.clock, years=5)

    async def record(self, *actions: str) -> None:
        async with self.work() as work:
            for action in actions:
                work.audit.record(action, self.clock.now(), object_id="pay_1", detail={"times": 1})
            await work.commit()

    async def verify(self, anchor: Place | None = None) -> Verdict:
        return await AuditChain(self.read).verify(anchor)

    async def run(self, statement: str) -> None:
        async with self.database.write_engine.begin() as connection:
            await connection.execute(text(statement))

    async def force(self, statement: str) -> None:
        """What somebody does who owns the database."""
        async with self.database.write_engine.begin() as connection:
            if self.database.is_sqlite:
                found = await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
                for name in found.scalars().all():
                    await connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
            await connection.execute(text(statement))

    async def actions(self) -> list[str]:
        chain = AuditChain(self.read).sealed(0)
        return [sealed.entry.action async for sealed in chain if sealed.entry is not None]


@pytest.fixture
async def trail(either_database_url: str) -> AsyncIterator[Trail]:
    database = open_database(either_database_url, fields=FIELDS)
    yield Trail(database)
    await database.close()


async def test_what_stands_in_the_trail_is_neither_changed_nor_deleted(trail: Trail) -> None:
    await trail.record("waits")
    statements = ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"]
    for statement in statements:
        with pytest.raises(Exception, match="the audit trail is not changed"):
            await trail.run(statement)
    await trail.kept.seal()
    for statement in [*statements, "UPDATE audit_seal SET hash = 'x'", "DELETE FROM audit_seal"]:
        with pytest.raises(Exception, match="the audit trail is not changed"):
            await trail.run(statement)

    assert (await trail.verify()).problem is None
    await clear_tables(trail.database)
    await trail.record("after a reset")
    with pytest.raises(Exception, match="the audit trail is not changed"):
        await trail.run("DELETE FROM audit_event")


async def test_entries_of_a_slow_transaction_are_sealed_after_those_that_overtook_it(trail: Trail) -> None:
    if trail.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    async with trail.work() as slow:
        slow.audit.record("slow", trail.clock.now())
        await slow.session.flush()
        trail.clock.at += timedelta(minutes=1)
        await trail.record("quick")
        await trail.kept.seal()
        await slow.commit()
    late = await trail.verify()
    await trail.kept.seal()

    assert (late.problem, late.awaiting) == (None, 1)
    assert await trail.actions() == ["quick", "slow"]
    assert (await trail.verify()).end.number == 2


async def test_the_first_entry_that_does_not_fit_is_named(trail: Trail) -> None:
    await trail.record("one", "two", "three")
    await trail.kept.seal()
    noted = (await trail.verify()).end

    await trail.force("UPDATE audit_event SET detail = '{}' WHERE action = 'two'")
    changed = (await trail.verify()).problem
    await trail.force("DELETE FROM audit_seal WHERE number = 2")
    unsealed = (await trail.verify()).problem
    await trail.force("DELETE FROM audit_seal WHERE number = 3")
    short = (await trail.verify(noted)).problem
    outside = (await trail.verify()).problem

    assert changed is not None and changed.startswith("entry 2 (aud_")
    assert changed.endswith("it was changed after it was sealed")
    assert unsealed is not None and "number 2 is missing" in unsealed
    assert short == "entry 2: the chain ends before 3"
    assert outside is not None and "is not in the chain and not waiting for it" in outside


async def test_a_chain_that_was_computed_anew_does_not_fit_what_was_noted_elsewhere(trail: Trail) -> None:
    await trail.record("one")
    await trail.kept.seal()

    other = Place(1, "f" * 64)

    assert "the hash is not ffff" in str((await trail.verify(other)).problem)
    assert (await trail.verify((await trail.verify()).end)).problem is None


async def test_two_processes_that_seal_at_once_seal_each_entry_once(trail: Trail) -> None:
    await trail.record("one")
    async with trail.work() as other:
        entries = await other.audit_seals.awaiting(10)
    await trail.kept.seal()
    with pytest.raises(Exception, match=r"(?i)unique"):
        async with trail.work() as late:
            await late.audit_seals.seal(entries, NOON)
            await late.commit()

    assert (await trail.verify()).end.number == 1


async def test_whole_months_are_dropped_and_the_chain_goes_on_from_their_last_hash(trail: Trail) -> None:
    for action in ("october", "november"):
        trail.clock.at = datetime(2026, 10 if action == "october" else 11, 20, tzinfo=UTC)
        await trail.record(action)
        await trail.kept.seal()
    end = (await trail.verify()).end

    trail.clock.at = datetime(2031, 11, 21, tzinfo=UTC)
    assert await trail.kept.drop(within_s=10)
    after = await trail.verify(end)

    assert await trail.actions() == ["november"]
    assert (after.problem, after.base.number, after.end) == (None, 1, end)


async def test_months_that_are_dropped_while_the_chain_is_verified_look_like_no_gap(trail: Trail) -> None:
    await trail.record("old")
    await trail.kept.seal()
    trail.clock.at = trail.clock.at.replace(year=2032)
    await trail.record("new")
    await trail.kept.seal()
    times = count()

    @asynccontextmanager
    async def read() -> AsyncIterator[Queries]:
        if next(times) == 1:
            await trail.kept.drop(10)
        async with trail.read() as reading:
            yield reading

    verdict = await AuditChain(read).verify()

    assert (verdict.problem, verdict.end.number) == (None, 2)


async def test_each_batch_that_is_dropped_keeps_its_own_last_hash(trail: Trail) -> None:
    await trail.record("one", "two", "three")
    await trail.kept.seal()
    end = (await trail.verify()).end

    async with trail.work() as work:
        gone = await work.audit_seals.drop(3, NOON, 2)
        await work.commit()
    between = await trail.verify(end)

    assert gone == 2
    assert await trail.actions() == ["three"]
    assert (between.problem, between.base.number, between.end) == (None, 2, end)


async def test_what_is_dropped_while_the_chain_is_exported_is_in_the_export(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_chain, "_AT_ONCE", 1)
    await trail.record("one", "two", "three")
    await trail.kept.seal()
    exported = []

    async for sealed in AuditChain(trail.read).sealed(0):
        exported.append(sealed.place.number)
        if len(exported) == 1:
            async with trail.work() as work:
                await work.audit_seals.drop(3, NOON, 10)
                await work.commit()

    assert exported == [1, 2, 3]
    assert await trail.actions() == []


async def test_a_chain_that_is_not_sealed_any_more_is_told(trail: Trail) -> None:
    quiet = await trail.kept.unsealed()
    await trail.record("sealed")
    await trail.kept.seal()
    trail.clock.at += timedelta(hours=5)
    await trail.record("waits")
    at_once = await trail.kept.unsealed(), await trail.kept.is_sealing()
    trail.clock.at += timedelta(minutes=11)
    stopped = await trail.kept.unsealed(), await trail.kept.is_sealing()
    await trail.kept.seal()

    assert (quiet, at_once) == (timedelta(), (timedelta(), True))
    assert stopped == (timedelta(minutes=11), False)
    assert await trail.kept.is_sealing()


async def test_a_machine_whose_clock_was_wrong_makes_no_young_entry_old(trail: Trail) -> None:
    for action, year in {"one": 2026, "by a clock gone back": 1970, "three": 2026}.items():
        trail.clock.at = datetime(year, 11, 20, tzinfo=UTC)
        await trail.record(action)
        await trail.kept.seal()

    assert await trail.kept.drop(within_s=10)

    assert await trail.actions() == ["one", "by a clock gone back", "three"]
    assert (await trail.verify()).problem is None


async def test_what_strangers_cause_is_one_row_a_minute(trail: Trail) -> None:
    for _ in range(1_000):
        trail.kept.count(Anomaly.WEBHOOK_FORGED, "stripe")
    trail.kept.count(Anomaly.SIGN_IN_FAILED, "login")
    await trail.kept.look()
    await trail.kept.look()

    async with trail.read() as read:
        found = [one.entry for one in await read.audit_seals.page(0, 10)]
    assert [(one.action, one.detail) for one in found if one] == [
        ("webhook_forged", {"times": 1_000, "source": "stripe"}),
        ("sign_in_failed", {"times": 1, "source": "login"}),
    ]


async def test_the_role_that_serves_adds_to_the_trail_and_changes_neither_it_nor_tables(postgresql_url: str) -> None:
    trail, role = Trail(open_database(postgresql_url, fields=FIELDS)), f"drop_test_{token_hex(6)}"
    engine = trail.database.write_engine
    await trail.run(f"CREATE ROLE {role}")
    try:
        await grant_serving(trail.database, role)
        await trail.record("young")
        await trail.kept.seal()
        refused = []
        async with engine.connect() as connection:
            await connection.execute(text(f"SET SESSION AUTHORIZATION {role}"))
            await connection.execute(text(ADD))
            await connection.execute(text("DELETE FROM audit_awaiting"))
            await connection.execute(text("UPDATE alembic_version SET oldest_code = '0058'"))
            await connection.commit()
            for statement in FORBIDDEN:
                with pytest.raises(DBAPIError) as error:
                    await connection.execute(text(statement))
                refused.append(str(error.value.orig).rsplit(">: ", 1)[-1])
                await connection.rollback()
            await connection.invalidate()
    finally:
        await trail.run(f"DROP OWNED BY {role}")
        await trail.run(f"DROP ROLE {role}")
        await trail.database.close()

    assert all("permission denied" in one or "must be owner" in one for one in refused[:-1]), refused
    assert "kept for five years" in refused[-1]
