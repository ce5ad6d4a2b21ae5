"""A line of a statement is held against its payment once, and only as it was read."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from db.engine import Database, open_database
from db.tables.bank import BankAccountRow, BankLinkRow, BankTransactionRow
from db.tables.user import UserRow
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.bank_account import Transaction
from domain.ids import AccountId
from domain.line_match import LineMatch, Oddity
from tests.builders.fields import FIELDS

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACCOUNT = AccountId("acc_1")


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    database = open_database(either_database_url, fields=FIELDS)
    link: dict[str, Any] = {"id": "bnk_1", "user_id": "usr_1", "bank_id": "bank_dnb", "vendor": "mock"}
    account: dict[str, Any] = {"user_id": "usr_1", "bank_link_id": "bnk_1", "bank_id": "bank_dnb", "name": "Lønn"}
    line: dict[str, Any] = {
        "id": "trx_1",
        "account_id": ACCOUNT,
        "status": "BOOKED",
        "booking_date": date(2026, 11, 24),
    }
    rows = (
        UserRow(id="usr_1", issuer="i", subject="s", name="Kari", created_at=NOON),
        BankLinkRow(**link, status="ACTIVE", created_at=NOON),
        BankAccountRow(id=ACCOUNT, iban="NO9386011117947", currency="NOK", owner_name="Kari", **account),
        BankTransactionRow(amount_minor=-12_500, currency="NOK", end_to_end_id="D-1", **line),
    )
    for row in rows:
        async with database.write() as session:
            session.add(row)
            await session.commit()
    yield database
    await database.close()


async def read(database: Database) -> Transaction:
    async with Reading(database.read) as reading:
        (line,) = await reading.statements.unmatched(ACCOUNT, 10)
    return line


async def put(database: Database, line: Transaction, match: LineMatch, oddity: Oddity | None = None) -> bool:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        is_put = await work.statements.put_match(line, match, oddity)
        await work.commit()
    return is_put


async def stored(database: Database) -> tuple[Any, ...]:
    async with database.read_engine.connect() as connection:
        query = text("SELECT matched_as, odd_because FROM bank_transaction")
        return tuple((await connection.execute(query)).one())


async def test_a_line_is_taken_once(database: Database) -> None:
    line = await read(database)

    taken = [
        await put(database, line, LineMatch.DEBIT),
        await put(database, line, LineMatch.ODD, Oddity.SECOND_DEBIT),
    ]

    assert taken == [True, False]
    assert await stored(database) == ("DEBIT", None)


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = -12400",
        "currency = 'SEK'",
        "end_to_end_id = 'D-2'",
        "end_to_end_id = NULL",
        "status = 'PENDING'",
        "missed = 2",
    ],
)
async def test_a_line_that_has_changed_since_it_was_read_is_not_taken(database: Database, change: str) -> None:
    line = await read(database)
    async with database.write_engine.begin() as connection:
        await connection.execute(text(f"UPDATE bank_transaction SET {change}"))

    assert not await put(database, line, LineMatch.DEBIT)
    assert await stored(database) == (None, None)
