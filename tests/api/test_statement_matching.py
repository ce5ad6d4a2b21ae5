"""Lines that bear our end-to-end ids settle, return or bring to light, however their payment stands."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from tests.builders.gateway import nodes, payment_of
from tests.builders.odd_banks import KINDS, OddBank, odd_bank

RETURNED = """query($id: ID!) { node(id: $id) { ... on Payment { status version
  returned { bookedOn amount { amountMinor currency } } history {
  edges { node { kind cause status version } } } } } }"""
FITS_NO_PAYMENT, CAME_BACK, AFTER_ITS_END = (
    "Statement line fits no payment",
    "Payment returned",
    "Payment settled after its end",
)


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        bank.odd.gives_ids = True
        await bank.connect()
        yield bank


async def read(bank: OddBank) -> None:
    assert await bank.refresh() == []
    await bank.play.settle()


async def status_of(bank: OddBank, payment: dict[str, Any]) -> tuple[str, str]:
    """How the payment stands, and what brought it there."""
    found = await payment_of(bank.kari, payment["id"])
    return found["status"], nodes(found["history"])[-1]["cause"]


def id_of(payment: dict[str, Any]) -> str:
    return f"D-{payment['id'].removeprefix('pay_')}"


async def stored(bank: OddBank, column: str, table: str) -> list[Any]:
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return list((await connection.execute(text(f"SELECT {column} FROM {table}"))).scalars())


async def put(bank: OddBank, payment: dict[str, Any], amount: str, **parts: Any) -> None:
    """The bank shows one more line, which bears the payment's id."""
    line = bank.line(amount=amount, endToEndId=id_of(payment), creditorName="Ola", **parts)
    if not amount.startswith("-"):
        line["creditDebitIndicator"] = "CRDT"
    bank.odd.more.setdefault(await bank.resource(), []).append(line)


@pytest.mark.parametrize("last", ["ACSP", "ACTC"])
async def test_a_bank_that_stops_before_the_end_is_settled_by_its_statement(
    bank: OddBank, alerts: list[str], last: str
) -> None:
    bank.odd_payments.last = last
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=5)
    before = await status_of(bank, payment)

    await read(bank)

    # Enable Banking says that no more reports come, so the statement is read at once.
    assert before[0] == ("SETTLED" if bank.kind == "enable_banking" else "PROCESSING")
    assert await status_of(bank, payment) == ("SETTLED", "STATEMENT")
    assert await stored(bank, "matched_as", "bank_transaction WHERE end_to_end_id IS NOT NULL") == ["DEBIT"]
    assert alerts == []


async def test_an_end_that_drop_declared_is_corrected_with_an_alert(bank: OddBank, alerts: list[str]) -> None:
    payments = [await bank.pay(amount) for amount in (11_100, 11_200, 11_300, 11_400)]
    ends = [("EXPIRED", None), ("CANCELLED", None), ("FAILED", None), ("REJECTED", "AUTHORISATION_REFUSED")]
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        for payment, (status, code) in zip(payments, ends, strict=True):
            change = "UPDATE payment SET status = :status, failure_code = :code WHERE id = :id"
            await connection.execute(text(change), {"status": status, "code": code, "id": payment["id"]})
    for number in range(1, 5):
        await bank.decide(number)
    await bank.sandbox.advance(seconds=10)

    await read(bank)

    assert [await status_of(bank, payment) for payment in payments] == 4 * [("SETTLED", "VENDOR_CORRECTION")]
    assert alerts.count(AFTER_ITS_END) == 4


async def test_what_the_bank_itself_has_rejected_is_never_settled(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE payment SET status = 'REJECTED', failure_code = 'INSUFFICIENT_FUNDS'"))
    await put(bank, payment, "-125.00")

    await read(bank)

    assert (await status_of(bank, payment))[0] == "REJECTED"
    assert alerts == [FITS_NO_PAYMENT]


async def test_money_that_comes_back_is_a_return_that_its_user_is_told_of(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=5)
    settled = (await bank.kari.ask(RETURNED, id=payment["id"]))["node"]
    await put(bank, payment, "120.00", debtorName="Ola", bookingDate=bank.day(0))

    for _ in range(3):
        await read(bank)

    back = (await bank.kari.ask(RETURNED, id=payment["id"]))["node"]
    assert (settled["status"], settled["returned"]) == ("SETTLED", None)
    came_back = {"bookedOn": bank.day(0), "amount": {"amountMinor": "12000", "currency": "NOK"}}
    assert (back["status"], back["returned"]) == ("SETTLED", came_back)
    last = {"kind": "RETURN", "cause": "STATEMENT", "status": "SETTLED", "version": settled["version"] + 1}
    assert nodes(back["history"])[-1] == last
    assert back["version"] == last["version"]
    assert alerts == [CAME_BACK]
    messages = await stored(bank, "template", "notification ORDER BY id")
    assert messages.count("payment_returned") == 1
    moved = await stored(bank, "kind || ' ' || amount_minor", "ledger_entry ORDER BY kind")
    assert moved == ["BOOKED 12500", "RETURNED 12000"]


@pytest.mark.parametrize("bank", ["open_payments"], indirect=True)
async def test_a_return_that_is_matched_again_counts_once(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=5)
    await put(bank, payment, "120.00", debtorName="Ola", bookingDate=bank.day(0))
    await read(bank)
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE bank_transaction SET matched_as = NULL"))

    await read(bank)

    back = (await bank.kari.ask(RETURNED, id=payment["id"]))["node"]
    assert back["returned"]["amount"]["amountMinor"] == "12000"
    assert alerts == [CAME_BACK]


@pytest.mark.parametrize("amount", ["125.00", "-124.99", "-125.01"])
async def test_a_line_that_is_not_the_payments_debit_moves_nothing_and_alerts_once(
    bank: OddBank, alerts: list[str], amount: str
) -> None:
    payment = await bank.pay()
    before = await status_of(bank, payment)
    await put(bank, payment, amount, debtorName="Ola")

    for _ in range(3):
        await read(bank)

    assert await status_of(bank, payment) == before
    assert alerts == [FITS_NO_PAYMENT]


async def test_a_second_debit_alerts(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=5)
    await read(bank)
    await put(bank, payment, "-125.00", entryReference="again")

    await read(bank)

    assert (await status_of(bank, payment))[0] == "SETTLED"
    found = await stored(bank, "matched_as", "bank_transaction WHERE end_to_end_id IS NOT NULL")
    assert sorted(found) == ["DEBIT", "ODD"]
    assert await stored(bank, "kind", "ledger_entry") == ["BOOKED"]
    assert alerts == [FITS_NO_PAYMENT]


def breaks_off(request: Request) -> Response | None:
    """A statement of which every page but the first is missing."""
    query = request.query_params
    return Response(status_code=400) if query.get("page") or query.get("continuation_key") else None


async def test_a_debit_that_moves_to_another_day_in_a_part_of_a_statement_is_no_second_debit(
    bank: OddBank, alerts: list[str]
) -> None:
    payment, lines = await bank.pay(), bank.odd.more.setdefault(await bank.resource(), [])
    for day in (2, 1):
        lines.clear()
        await put(bank, payment, "-125.00", bookingDate=bank.day(day))
        await read(bank)
        bank.odd.instead["transactions"] = breaks_off

    assert (await bank.account())["wholeStatement"] is False
    assert await status_of(bank, payment) == ("SETTLED", "STATEMENT")
    found = "bank_transaction WHERE end_to_end_id IS NOT NULL"
    assert await stored(bank, "matched_as", found) == ["DEBIT"]
    assert [str(day) for day in await stored(bank, "booking_date", found)] == [bank.day(1)]
    assert alerts == []


async def test_a_second_debit_in_a_part_of_a_statement_is_found_once_the_rest_is_read(
    bank: OddBank, alerts: list[str]
) -> None:
    payment, lines = await bank.pay(), bank.odd.more.setdefault(await bank.resource(), [])
    await put(bank, payment, "-125.00", bookingDate=bank.day(2))
    await read(bank)
    first = lines.pop()
    await put(bank, payment, "-125.00", bookingDate=bank.day(1))
    bank.odd.instead["transactions"] = breaks_off
    await read(bank)
    early = list(alerts)

    bank.odd.instead.clear()
    lines.append(first)
    await read(bank)

    assert (early, alerts) == ([], [FITS_NO_PAYMENT])
    found = await stored(bank, "matched_as", "bank_transaction WHERE end_to_end_id IS NOT NULL")
    assert sorted(found) == ["DEBIT", "ODD"]


async def test_a_reservation_waits_until_it_is_booked(bank: OddBank, alerts: list[str]) -> None:
    bank.odd_payments.last = "ACSP"
    payment = await bank.pay()
    await put(bank, payment, "-125.00", status="pending", bookingDate=bank.day(0))
    await read(bank)
    reserved = await status_of(bank, payment)
    bank.odd.more.clear()
    await put(bank, payment, "-125.00", bookingDate=bank.day(0))

    await read(bank)

    assert reserved[0] == "AUTHORISATION_REQUIRED"
    assert await status_of(bank, payment) == ("SETTLED", "STATEMENT")
    assert alerts == []


async def test_an_id_that_is_none_of_ours_is_left_alone(bank: OddBank, alerts: list[str]) -> None:
    bank.odd.more[await bank.resource()] = [
        bank.line(amount="-9.00", endToEndId="D-01K00000000000000000000000", creditorName="X")
    ]

    for _ in range(2):
        await read(bank)

    assert await stored(bank, "matched_as", "bank_transaction WHERE end_to_end_id IS NOT NULL") == ["FOREIGN"]
    assert alerts == []


@pytest.mark.parametrize("where", ["entry_reference", "reference_number", "remittance_information"])
@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_our_id_is_found_wherever_the_bank_writes_it(bank: OddBank, alerts: list[str], where: str) -> None:
    bank.odd.ids_in = where
    bank.odd_payments.last = "ACSP"
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=5)

    await read(bank)

    assert await status_of(bank, payment) == ("SETTLED", "STATEMENT")
    assert [line["kid"] for line in await bank.lines() if line["amount"]["amountMinor"] == "-12500"] == [None]
    assert alerts == []


@pytest.mark.parametrize("bank", ["direct"], indirect=True)
async def test_a_debit_and_its_return_may_come_at_once_and_in_either_order(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    await put(bank, payment, "120.00", debtorName="Ola", bookingDate=bank.day(0))
    await put(bank, payment, "-125.00")
    reads = await bank.unattended_reads()

    await read(bank)

    history = nodes((await bank.kari.ask(RETURNED, id=payment["id"]))["node"]["history"])
    assert [event["kind"] for event in history if event["cause"] == "STATEMENT"] == ["STATUS", "RETURN"]
    assert alerts == [CAME_BACK]
    # The balance was read with the statement.
    assert await bank.unattended_reads() == reads
    # Lines that were held against their payments are not looked at again.
    assert await bank.refresh() == []
    assert await bank.jobs("match_lines") == 0
