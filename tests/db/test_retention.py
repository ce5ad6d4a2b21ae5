"""Every table has a retention, and what is past it is deleted: on both databases."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    delete,
    event,
    func,
    insert,
    select,
    update,
)

from db.engine import Database, open_database
from db.purge import BATCH
from db.retention import EMPTIED, RETENTION, Emptied, Kept, links_to, of_their_own_time
from db.tables.all import METADATA
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.retention import ByLaw, Lengths
from services.operations.audit_trail import AuditTrail
from services.operations.retention import Retention
from tests.builders.fields import FIELDS

LEFT = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIVE_YEARS = LEFT.replace(year=2031)
STATUSES = {"plan_subscription": "ENDED", "upload": "DELETED", "data_export": "EXPIRED", "job": "BLOCKED"}
# As few rows as there are workers, or one.
TINY = {"worker_heartbeat"}
TABLES = {table.name: table for table in METADATA.sorted_tables}


@dataclass
class At:
    time: datetime

    def now(self) -> datetime:
        return self.time


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    database = open_database(either_database_url, fields=FIELDS)
    yield database
    await database.close()


def value_of(column: Column[Any], number: int) -> Any:
    """Something for a column, with every time at LEFT."""
    named = [key.column.table.name for key in column.foreign_keys]
    match column.type:
        case _ if named:
            return f"{named[0]}_{number}"
        case _ if column.name == "user_id":
            return f"user_{number}"
        case Boolean():
            return False
        case Integer() | BigInteger():
            return number
        case Date():
            return date(LEFT.year, LEFT.month, LEFT.day)
        case LargeBinary():
            return b"sealed"
    kind = column.type.python_type if hasattr(column.type, "python_type") else str
    if issubclass(kind, datetime) or "DateTime" in type(column.type).__name__:
        return LEFT
    if kind in (dict, list) or "JSON" in type(column.type).__name__:
        return {}
    return f"{column.table.name}_{number}"


def row_of(table: Table, number: int, **given: Any) -> dict[str, Any]:
    row = {column.name: value_of(column, number) for column in table.columns}
    if table.name in STATUSES:
        row["status"] = STATUSES[table.name]
    return row | given


async def write(database: Database, table: str, *rows: Mapping[str, Any]) -> None:
    async with database.write_engine.begin() as connection:
        await connection.execute(insert(TABLES[table]), list(rows))


def many(table: str, count: int, **given: Any) -> Iterator[dict[str, Any]]:
    return (row_of(TABLES[table], 10 + number, **given) for number in range(count))


async def everything(database: Database, number: int = 1) -> None:
    """One row of a user in every table, all of the same time."""
    async with database.write_engine.begin() as connection:
        for table in METADATA.sorted_tables:
            await connection.execute(insert(table), row_of(table, number))
        waits = TABLES["audit_awaiting"]
        await connection.execute(delete(waits).where(waits.c.event_id == f"audit_event_{number}"))


async def counts(database: Database) -> dict[str, int]:
    async with database.read_engine.connect() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in METADATA.sorted_tables
        }


async def left(database: Database) -> set[str]:
    return {table for table, count in (await counts(database)).items() if count}


def retention(database: Database, at: datetime, lease: timedelta = timedelta(minutes=1)) -> Retention:
    work = partial(UnitOfWork, database.write, CommitWakeUps())
    read = partial(Reading, database.read)
    audit = AuditTrail(work, read, At(at), years=5)
    return Retention(work, read, audit, At(at), At(at), Lengths(5, 90), lease=lease)


async def purge(database: Database, at: datetime) -> None:
    await retention(database, at).purge()


def leading(table: Table) -> Iterator[tuple[str, bool]]:
    """The columns by which rows are found, and whether among all rows."""
    yield next(iter(table.primary_key.columns)).name, True
    for index in table.indexes:
        where = index.dialect_options["postgresql"]["where"]
        first, *more = index.columns
        yield first.name, where is None
        if first.name == "status" and more:
            yield more[0].name, False
    for rule in table.constraints:
        if isinstance(rule, UniqueConstraint):
            yield next(iter(rule.columns)).name, True


def test_every_table_has_a_retention() -> None:
    assert sorted(one.table.name for one in RETENTION) == sorted(TABLES)


def test_every_table_goes_by_its_age_or_with_another_or_stays_small() -> None:
    for one in RETENTION:
        named = any(link.child is one.table for table in TABLES.values() for link in links_to(table))
        ways = [one.since is not None, one.goes_with_parent and named, one.few is not None]
        assert any(ways), one.table.name


@pytest.mark.parametrize("one", of_their_own_time(), ids=lambda one: one.table.name)
def test_what_is_past_its_time_is_found_by_an_index(one: Kept) -> None:
    found = set(leading(one.table))

    of_some = (one.since.key, False) in found and one.only is not None
    assert one.table.name in TINY or one.in_order or (one.since.key, True) in found or of_some


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_every_foreign_key_is_indexed(table: Table) -> None:
    found = set(leading(table))

    assert [key.parent.name for key in table.foreign_keys if (key.parent.name, True) not in found] == []


async def test_what_no_law_keeps_goes_within_months_and_the_rest_five_years_after_the_leaving(
    database: Database,
) -> None:
    await everything(database)
    by_law = {one.table.name for one in RETENTION if isinstance(one.period, ByLaw) or one.since is None}
    no_times = {one.table.name for one in RETENTION if one.few}

    await purge(database, LEFT + timedelta(days=91))
    after_months = await left(database)
    await purge(database, FIVE_YEARS - timedelta(days=1))
    before_the_end = await left(database)
    await purge(database, FIVE_YEARS + timedelta(days=1))
    after_five_years = await left(database)
    await purge(database, datetime(2032, 1, 1, 1, tzinfo=UTC))
    after_the_year = await left(database)

    # The audit trail goes by whole months.
    by_month = {"audit_event", "audit_seal"}
    assert after_months - {"job"} == before_the_end - {"job"} == by_law - {"job"}
    # Invoices stay until five years after the end of their year, and name the subscription and the user.
    assert after_five_years - {"job"} == no_times | {"plan_invoice", "plan_subscription", "user"} | by_month
    assert after_the_year - {"job"} == no_times


async def test_a_user_who_stays_keeps_what_describes_the_user(database: Database) -> None:
    await everything(database)
    async with database.write_engine.begin() as connection:
        await connection.execute(update(TABLES["user"]).values(deleted_at=None))

    await purge(database, FIVE_YEARS + timedelta(days=400))

    stays = {"user", "kyc_application", "bank_link", "bank_account", "balance", "provider_pin"}
    assert stays <= await left(database)
    assert not {"payment", "payment_event", "refund", "dispute", "consent", "plan_invoice"} & await left(database)


async def test_a_payment_stays_until_five_years_after_the_last_that_happened_to_it(database: Database) -> None:
    await everything(database)
    disputed = row_of(TABLES["payment_event"], 2, payment_id="payment_1", at=LEFT + timedelta(days=200))
    await write(database, "payment_event", disputed)

    await purge(database, FIVE_YEARS + timedelta(days=199))
    before = await left(database)
    async with database.read_engine.connect() as connection:
        number = (await connection.execute(select(TABLES["user"].c.national_identity_number_encrypted))).scalar_one()
    await purge(database, FIVE_YEARS + timedelta(days=202))

    assert {"payment", "payment_event", "refund", "bank_account", "user"} <= before
    assert "kyc_application" not in before
    assert number is None
    assert not {"payment", "payment_event", "bank_account", "user"} & await left(database)


async def test_a_contact_that_was_never_confirmed_goes_and_its_user_stays(database: Database) -> None:
    users = TABLES["user"]
    late = LEFT + timedelta(hours=1)
    fresh = row_of(users, 1, deleted_at=None, pending_contacts={"EMAIL": {"address": "a"}}, pending_until=late)
    past = [{**fresh, **row, "pending_until": LEFT} for row in many("user", BATCH + 1, deleted_at=None)]
    for row in past:
        row["pending_contacts"] = {"EMAIL": {"address": "a"}}
    await write(database, "user", fresh, *past)

    await purge(database, LEFT + timedelta(days=1, minutes=1))

    async with database.read_engine.connect() as connection:
        kept = (await connection.execute(select(users.c.id).where(users.c.pending_until.is_not(None)))).scalars()
        assert list(kept) == ["user_1"]
        addresses = (await connection.execute(select(users.c.pending_contacts))).scalars()
        assert [one for one in addresses if one] == [{"EMAIL": {"address": "a"}}]


@pytest.mark.parametrize("one", EMPTIED, ids=lambda one: one.table.name)
def test_what_is_to_be_emptied_is_found_by_an_index(one: Emptied) -> None:
    assert (one.since.key, True) in set(leading(one.table))


async def test_a_purge_that_ran_out_of_time_is_gone_on_with_batch_by_batch(database: Database) -> None:
    await write(database, "user", row_of(TABLES["user"], 1))
    await write(database, "notification", *many("notification", 2 * BATCH + 1, user_id="user_1"))
    late, jobs = LEFT + timedelta(days=91), TABLES["job"]
    shown = []
    for _ in range(4):
        await retention(database, late, lease=timedelta()).purge()
        async with database.write_engine.begin() as connection:
            claimed = delete(jobs).where(jobs.c.kind == "purge").returning(jobs.c.due_at)
            queued = (await connection.execute(claimed)).scalars().all()
        shown.append(((await counts(database))["notification"], [due_at - late for due_at in queued]))

    at_once, in_a_day = [timedelta()], [timedelta(days=1)]
    assert shown == [(BATCH + 1, at_once), (1, at_once), (0, at_once), (0, in_a_day)]


async def test_a_batch_is_a_thousand_rows_in_a_transaction_of_its_own(database: Database) -> None:
    await write(database, "user", row_of(TABLES["user"], 1))
    await write(database, "notification", *many("notification", 2 * BATCH, user_id="user_1"))
    deleted: list[int | str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM notification"):
            deleted.append(cursor.rowcount)

    def committed(_: Any) -> None:
        if deleted:
            deleted.append("committed")

    engine = database.engines[0]
    event.listen(engine, "after_cursor_execute", count)
    event.listen(engine, "commit", committed)
    await purge(database, LEFT + timedelta(days=91))

    assert deleted[:4] == [BATCH, "committed", BATCH, "committed"]


async def test_a_table_that_cannot_be_purged_costs_itself_alone(database: Database) -> None:
    await everything(database)
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE notification RENAME COLUMN created_at TO gone")

    with pytest.raises(Exception, match="created_at"):
        await purge(database, LEFT + timedelta(days=91))

    assert not {"webhook_event", "user_event", "trace_event", "idempotency_key"} & await left(database)
