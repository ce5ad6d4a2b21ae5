"""Operators see each line that bears our reference and fits no payment, with the reason."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.gateway import Play
from tests.builders.odd_banks import OddBank, odd_bank

LINES = "/api/operator/payments/lines"
UNKNOWN = "D-01K00000000000000000000000"


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("direct", database_url, tmp_path) as bank:
        bank.odd.gives_ids = True
        await bank.connect()
        yield bank


def id_of(payment: dict[str, Any]) -> str:
    return f"D-{payment['id'].removeprefix('pay_')}"


async def put(bank: OddBank, reference: str, amount: str, currency: str = "NOK", **parts: Any) -> None:
    """One more line in the first account's statement."""
    money = {"currency": currency, "amount": amount}
    line = bank.line(transactionAmount=money, endToEndId=reference, debtorName="Ola", **parts)
    bank.odd.more.setdefault(await bank.resource(), []).append(line)


async def read(bank: OddBank) -> None:
    assert await bank.refresh() == []
    await bank.play.settle()


async def listed(bank: OddBank, **query: Any) -> list[dict[str, Any]]:
    answer = await bank.play.browser().http.get(LINES, params=query)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["lines"]
    return found


async def test_each_line_is_listed_with_its_reason_newest_first(bank: OddBank) -> None:
    amounts = {"AMOUNT": "-111.01", "DIRECTION": "112.00", "CURRENCY": "-113.00", "REJECTED": "-114.00"}
    payments = {reason: await bank.pay(11_100 + 100 * place) for place, reason in enumerate(amounts)}
    paid = await bank.pay(11_500)
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        change = "UPDATE payment SET status = 'REJECTED', failure_code = 'INSUFFICIENT_FUNDS' WHERE id = :id"
        await connection.execute(text(change), {"id": payments["REJECTED"]["id"]})
    for reason, payment in payments.items():
        await put(bank, id_of(payment), amounts[reason], "EUR" if reason == "CURRENCY" else "NOK")
    await put(bank, id_of(paid), "-115.00")
    await put(bank, id_of(paid), "-115.00", entryReference="again")
    await put(bank, UNKNOWN, "-9.00")
    # Whoever pays in may write what they like.
    await put(bank, UNKNOWN, "9.00")
    await put(bank, "D-1", "-8.00")

    await read(bank)

    found = await listed(bank)
    whose = {**{reason: payment["id"] for reason, payment in payments.items()}, "SECOND_DEBIT": paid["id"]}
    assert {line["reason"]: line["payment"] for line in found} == {**whose, "UNKNOWN_PAYMENT": None}
    assert [line["id"] for line in found] == sorted((line["id"] for line in found), reverse=True)
    (amount,) = [line for line in found if line["reason"] == "AMOUNT"]
    account = await bank.account()
    assert amount == {
        "id": amount["id"],
        "reason": "AMOUNT",
        "bank": "bank_dnb",
        "accountId": account["id"],
        "endToEndId": id_of(payments["AMOUNT"]),
        "payment": payments["AMOUNT"]["id"],
        "bookingDate": bank.day(),
        "amountMinor": -11_101,
        "currency": "NOK",
    }
    first = await listed(bank, limit=2)
    rest = await listed(bank, before=first[-1]["id"])
    assert [*first, *rest] == found
    assert len(first) == 2


async def test_a_line_that_the_bank_withdraws_or_changes_leaves_the_list(bank: OddBank) -> None:
    payment = await bank.pay()
    await put(bank, id_of(payment), "-124.00")
    await put(bank, UNKNOWN, "-9.00")
    await read(bank)
    before = {line["reason"] for line in await listed(bank)}

    bank.odd.more.clear()
    for _ in range(2):
        await read(bank)

    assert before == {"AMOUNT", "UNKNOWN_PAYMENT"}
    assert await listed(bank) == []


async def test_what_cannot_be_a_place_in_the_list_is_refused(play: Play) -> None:
    for query, field in (("limit=x", "limit"), ("before=%00", "before"), ("before=pay_1", "before")):
        refused = await play.browser().http.get(f"{LINES}?{query}")

        assert (refused.status_code, refused.json()["field"]) == (400, [field])
