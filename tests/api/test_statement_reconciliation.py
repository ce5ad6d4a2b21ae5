"""What a bank has called settled, held against what the account's statement shows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.api.test_absence import an_earlier_line, lost
from tests.builders.odd_banks import OddBank, odd_bank


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("open_payments", database_url, tmp_path) as bank:
        bank.odd.gives_ids = True
        await bank.connect()
        yield bank


async def reconcile(bank: OddBank) -> list[tuple[str, str]]:
    assert (await bank.play.browser().http.post("/api/operator/reconciliation/run")).status_code == 202
    await bank.play.settle()
    found = (await bank.play.browser().http.get("/api/operator/reconciliation")).json()["differences"]
    return [(one["difference"], one["ourId"]) for one in found]


async def test_a_settled_payment_that_its_statement_does_not_show_is_listed_until_it_does(bank: OddBank) -> None:
    await an_earlier_line(bank)
    payment = await lost(bank)
    settled = "UPDATE payment SET status = 'SETTLED', in_doubt = false WHERE id = :id"
    event = """INSERT INTO payment_event (id, payment_id, version, status, cause, kind, at)
        SELECT 'pev_7ZZZZZZZZZZZZZZZZZZZZZZZZZ', id, 99, status, 'WEBHOOK', 'STATUS', created_at FROM payment
        WHERE id = :id"""
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        for statement in (settled, event):
            await connection.execute(text(statement), {"id": payment["id"]})

    early = await reconcile(bank)
    await bank.pass_time(days=4)
    assert await bank.refresh() == []
    await bank.play.settle()
    late = await reconcile(bank)
    identifier = f"D-{payment['id'].removeprefix('pay_')}"
    line = bank.line(amount="-125.00", endToEndId=identifier, creditorName="Ola", bookingDate=bank.day(0))
    bank.odd.more.setdefault(await bank.resource(), []).append(line)
    assert await bank.refresh() == []
    await bank.play.settle()

    assert (early, late) == ([], [("NOT_BOOKED", payment["id"])])
    assert await reconcile(bank) == []


async def test_a_booked_payment_that_is_not_settled_is_listed(bank: OddBank) -> None:
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=5)
    assert await bank.refresh() == []
    await bank.play.settle()
    agreed = await reconcile(bank)
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE payment SET status = 'REJECTED', failure_code = 'INSUFFICIENT_FUNDS'"))

    assert agreed == []
    assert await reconcile(bank) == [("NOT_SETTLED", payment["id"])]


async def test_a_line_of_another_payment_is_another_line(bank: OddBank) -> None:
    payments = [await bank.pay(), await bank.pay(message="Again")]
    for payment in payments:
        reference = f"D-{payment['id'].removeprefix('pay_')}"
        bank.says([bank.line(amount="-125.00", endToEndId=reference, entryReference="1", bookingDate=bank.day(0))])
        assert await bank.refresh() == []
        await bank.play.settle()

    booked = "SELECT payment_id FROM ledger_entry WHERE kind = 'BOOKED'"
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        found = sorted((await connection.execute(text(booked))).scalars())
    assert found == sorted(payment["id"] for payment in payments)


async def test_a_booked_line_that_is_called_pending_again_is_not_deleted(bank: OddBank) -> None:
    payment = await bank.pay()
    reference = f"D-{payment['id'].removeprefix('pay_')}"
    parts = {"amount": "-125.00", "endToEndId": reference, "entryReference": "1", "bookingDate": bank.day(0)}
    for lines in ([bank.line(**parts)], [bank.line(status="pending", **parts)], []):
        bank.says(lines)
        assert await bank.refresh() == []
        await bank.play.settle()

    kept = "SELECT status FROM bank_transaction WHERE end_to_end_id = :id"
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        assert set((await connection.execute(text(kept), {"id": reference})).scalars()) == {"BOOKED"}
