"""Pages and look-ups of a user's payments read no more than they give, and give what a plain filter would."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from db.engine import Database, open_database
from db.tables.payment import PaymentRow
from db.tables.user import UserRow
from db.unit_of_work import Reading
from domain.account_number import AccountNumber
from domain.ids import PaymentId, UserId
from domain.money import Money
from domain.page import Keyset, PaymentPage
from domain.payment import Rail, Status
from tests.builders.fields import FIELDS

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KARI = UserId("usr_kari")
MANY = 4_000
# Far fewer than the pages of the table.
BUFFERS = 250
SEVERAL = {3: (Status.PROCESSING, Rail.BANK), 5: (Status.REJECTED, Rail.CARD), 7: (Status.CREATED, Rail.BANK)}


def row(number: int, status: Status, rail: Rail, *, in_doubt: bool = False) -> dict[str, Any]:
    named = {name: f"{name}-{number}" for name in ("end_to_end_id", "state_hash", "vendor_payment_id")}
    return {
        **named,
        "id": f"pay_{number:05}",
        "user_id": KARI,
        "rail": rail,
        "vendor": "mock",
        "status": status,
        "amount_minor": 12_500,
        "currency": "NOK",
        "creditor_name": "Ola",
        "creditor_iban": "NO9386011117947",
        "in_doubt": in_doubt,
        "return_to": "/",
        "created_at": NOON + timedelta(seconds=number),
        "version": 1,
    }


async def written(url: str, rows: Sequence[dict[str, Any]]) -> Database:
    database = open_database(url, fields=FIELDS)
    async with database.write_engine.begin() as connection:
        user = {"id": KARI, "issuer": "i", "subject": "s", "name": "Kari", "created_at": NOON}
        await connection.execute(insert(UserRow).values(user))
        await connection.execute(insert(PaymentRow), list(rows))
    return database


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    several = [SEVERAL.get(number % 11, (Status.SETTLED, Rail.CARD)) for number in range(40)]
    database = await written(either_database_url, [row(number, *one) for number, one in enumerate(several)])
    yield database
    await database.close()


@pytest.mark.parametrize("statuses", [(), (Status.SETTLED,), (Status.REJECTED, Status.PROCESSING)])
@pytest.mark.parametrize("rails", [(), (Rail.CARD,), (Rail.BANK, Rail.CARD)])
async def test_a_filtered_page_is_that_of_a_plain_filter(
    database: Database, statuses: Sequence[Status], rails: Sequence[Rail]
) -> None:
    async with Reading(database.read) as read:
        everything = await read.payments.page(KARI, PaymentPage((), Keyset(None, None, 100), oldest_first=True))
        allowed = [one for one in everything if one.status in (statuses or Status) and one.rail in (rails or Rail)]
        for oldest_first in (True, False):
            for backwards in (True, False):
                keyset = Keyset(("pay_00008",), ("pay_00030",), 4, backwards)
                if not oldest_first:
                    keyset = Keyset(keyset.before, keyset.after, 4, backwards)
                page = await read.payments.page(KARI, PaymentPage(statuses, keyset, rails, oldest_first))
                inside = [one.id for one in allowed if "pay_00008" < one.id < "pay_00030"]
                wanted = inside if oldest_first != backwards else inside[::-1]
                assert [one.id for one in page] == wanted[:4], (oldest_first, backwards)


async def buffers_of(database: Database, *pages: PaymentPage) -> list[int]:
    """How many buffers the pages, and the look-up of a payment in doubt, touch."""
    asked: list[tuple[str, Any]] = []

    def record(_: Connection, __: Any, statement: str, values: Any, *___: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(database.engines[0], "before_cursor_execute", record)
    async with Reading(database.read) as read:
        for page in pages:
            await read.payments.page(KARI, page)
        await read.payments.like_in_doubt(KARI, AccountNumber("NO9386011117947", None), Money(12_500, "NOK"))
    event.remove(database.engines[0], "before_cursor_execute", record)
    found = []
    async with database.read_engine.connect() as connection:
        for statement, values in asked:
            plan = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
            (whole,) = json.loads(json.dumps(plan.scalar_one()))
            found.append(whole["Plan"]["Shared Hit Blocks"] + whole["Plan"]["Shared Read Blocks"])
    return found


async def test_a_filter_that_lets_little_through_does_not_read_all_of_a_users_payments(postgresql_url: str) -> None:
    rows = [row(number, Status.SETTLED, Rail.BANK) for number in range(MANY)]
    rows[10] = row(10, Status.REJECTED, Rail.BANK)
    rows[20] = row(20, Status.SETTLED, Rail.CARD)
    rows[30] = row(30, Status.PROCESSING, Rail.BANK, in_doubt=True)
    database = await written(postgresql_url, rows)
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql("ANALYZE payment")
    keyset = Keyset(None, None, 20)

    found = await buffers_of(
        database,
        PaymentPage((Status.REJECTED,), keyset),
        PaymentPage((), keyset, (Rail.CARD,)),
        PaymentPage((Status.SETTLED, Status.FAILED), keyset, (Rail.CARD,)),
    )
    async with Reading(database.read) as read:
        like = await read.payments.like_in_doubt(KARI, AccountNumber("NO9386011117947", None), Money(12_500, "NOK"))
    await database.close()

    assert len(found) >= 4
    assert max(found) < BUFFERS, found
    assert like is not None
    assert like.id == PaymentId("pay_00030")
