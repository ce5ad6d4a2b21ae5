"""However a bank names its lines, readings and renewals leave exactly the lines that there are."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.builders.odd_banks import KINDS, OddBank, odd_bank


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        yield bank


def told(lines: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return sorted((line["counterpartyName"] or "", line["amount"]["amountMinor"], line["status"]) for line in lines)


def ids(lines: list[dict[str, Any]]) -> set[str]:
    return {line["id"] for line in lines}


async def test_new_ids_at_each_reading_and_a_renewal_leave_the_lines_that_there_are(bank: OddBank) -> None:
    numbers = count()

    def new() -> str:
        return f"{next(numbers):0250d}x"

    def reading() -> list[list[Any]]:
        """Two purchases alike on one day, one under the id of its kind, and one without any text."""
        coffee = [bank.line(transactionId=new(), creditorName="Kaffe", entryReference="0") for _ in range(2)]
        fare = bank.line(transactionId=new(), creditorName="Ruter", amount="-42.00", entryReference="0")
        nameless = [bank.line(amount="-7.00") for _ in range(2)]
        return [[*coffee, nameless[0]], [fare, nameless[1]]]

    seen = []
    bank.says(*reading())
    await bank.connect()
    seen.append(await bank.lines())
    for _ in range(3):
        bank.says(*reading())
        assert await bank.refresh() == []
        seen.append(await bank.lines())
    bank.says(*reading())
    await bank.renew()
    seen.append(await bank.lines())

    assert [told(lines) for lines in seen] == 5 * [
        [
            *2 * [("", "-700", "BOOKED")],
            *2 * [("Kaffe", "-10000", "BOOKED")],
            ("Ruter", "-4200", "BOOKED"),
        ]
    ]
    assert all(ids(lines) == ids(seen[0]) for lines in seen)


async def test_a_reservation_keeps_its_id_when_it_is_booked_under_another_one(bank: OddBank) -> None:
    bank.says([bank.line(status="pending", transactionId="p1", creditorName="Rema", bookingDate=None)])
    await bank.connect()
    (reserved,) = await bank.lines()
    # For a while the bank lists it twice, under the id that the reservation had.
    pending = bank.line(status="pending", transactionId="p1", creditorName="Rema", bookingDate=None)
    bank.says([pending, bank.line(transactionId="p1", creditorName="REMA 1000", amount="-101.00")])
    await bank.refresh()
    (both,) = await bank.lines()
    bank.says([bank.line(transactionId="b9", creditorName="REMA 1000", amount="-101.00")])
    await bank.refresh()
    (booked,) = await bank.lines()

    # Enable Banking's ids only fetch details: there, another amount under the same id is another line.
    assert (reserved["id"] == both["id"]) is (bank.kind != "enable_banking")
    assert both["id"] == booked["id"]
    assert [line["status"] for line in (reserved, both, booked)] == ["PENDING", "BOOKED", "BOOKED"]
    assert (booked["counterpartyName"], booked["amount"]["amountMinor"]) == ("REMA 1000", "-10100")


async def test_an_id_that_names_another_line_after_a_renewal_moves_no_line(bank: OddBank) -> None:
    """DNB's ids change with the session, and what is called 1 then may be called 2 afterwards."""
    days = [bank.day(back) for back in (9, 2)]
    bank.says([bank.line(transactionId=str(n), creditorName=f"Kaffe {n}", bookingDate=days[n]) for n in (0, 1)])
    await bank.connect()
    before = await bank.lines()
    bank.says([bank.line(transactionId=str(1 - n), creditorName=f"Kaffe {n}", bookingDate=days[n]) for n in (0, 1)])
    await bank.renew()

    assert await bank.lines() == before


async def test_what_a_bank_tells_of_a_line_a_day_later_is_added_to_it(bank: OddBank) -> None:
    bank.says([bank.line(transactionId="1", creditorName="Telenor")])
    await bank.connect()
    (before,) = await bank.lines()
    later = bank.line(transactionId="2", creditorName="Telenor", entryReference="R-1")
    later |= {"remittanceInformationStructured": {"reference": "2345676"}, "reference_number": "2345676"}
    bank.says([later])
    await bank.refresh()
    (after,) = await bank.lines()

    assert (before["kid"], after["kid"], before["id"] == after["id"]) == (None, "2345676", True)


async def test_a_pending_line_goes_at_once_and_a_booked_one_after_two_readings_and_may_come_back(
    bank: OddBank,
) -> None:
    kiwi = bank.line(creditorName="Kiwi", entryReference="k")
    rema = bank.line(creditorName="Rema", entryReference="r", amount="-50.00")
    held = bank.line(status="pending", creditorName="Hotel", amount="-900.00")
    bank.says([kiwi, rema, held])
    await bank.connect()
    first = await bank.lines()
    shown = []
    for _ in range(3):
        bank.says([kiwi])
        await bank.refresh()
        shown.append(sorted(line["counterpartyName"] for line in await bank.lines()))
    bank.says([kiwi, rema])
    await bank.refresh()

    assert shown == [["Kiwi", "Rema"], ["Kiwi"], ["Kiwi"]]
    assert ids(await bank.lines()) == {line["id"] for line in first if line["status"] == "BOOKED"}


async def test_a_reading_that_breaks_off_takes_nothing_away(bank: OddBank) -> None:
    lines = [bank.line(creditorName=f"No {number}", amount=f"-{number}.00") for number in range(1, 4)]
    held = bank.line(status="pending", creditorName="Hotel", amount="-900.00")
    bank.says([lines[0], held], [lines[1]])
    await bank.connect()

    def breaks(request: Request) -> Response | None:
        query = request.query_params
        return Response(status_code=400) if query.get("page") or query.get("continuation_key") else None

    bank.odd.instead["transactions"] = breaks
    for _ in range(3):
        bank.says([lines[2]], [lines[1]])
        assert await bank.refresh() == []

    assert sorted(line["counterpartyName"] for line in await bank.lines()) == ["Hotel", "No 1", "No 2", "No 3"]
    assert (await bank.account())["wholeStatement"] is False


async def test_an_unreadable_line_withdraws_no_other(bank: OddBank) -> None:
    kiwi, rema = bank.line(creditorName="Kiwi"), bank.line(creditorName="Rema", amount="-50.00")
    bank.says([kiwi, rema])
    await bank.connect()
    for _ in range(3):
        bank.says([kiwi, bank.line(creditorName="Rema", amount="-50,00")])
        await bank.refresh()

    assert sorted(line["counterpartyName"] for line in await bank.lines()) == ["Kiwi", "Rema"]


async def test_losing_one_account_loses_that_account_until_the_consent_is_renewed(bank: OddBank) -> None:
    bank.says([bank.line()])
    await bank.connect()
    lost, *others = (await bank.link())["accounts"]
    gone: list[str] = []

    def unknown(request: Request) -> Response | None:
        asked = request.url.path
        if not gone:
            gone.append(asked)
        if asked != gone[0]:
            return None
        if bank.kind == "enable_banking":
            return JSONResponse({"code": 404, "error": "ACCOUNT_DOES_NOT_EXIST"}, 404)
        return JSONResponse({"tppMessages": [{"category": "ERROR", "code": "RESOURCE_UNKNOWN"}]}, 404)

    bank.odd.instead["balances"] = unknown
    errors = await bank.refresh()
    link = await bank.link()
    bank.odd.instead.clear()
    await bank.renew()

    assert (errors, link["status"]) == ([], "ACTIVE")
    assert sorted(account["available"] for account in link["accounts"]) == [False, *len(others) * [True]]
    assert all(account["available"] for account in (await bank.link())["accounts"])
    assert lost["available"]


async def test_a_consent_ends_only_where_the_bank_says_so_of_the_consent(bank: OddBank) -> None:
    bank.says([bank.line()])
    await bank.connect()

    def invalid(request: Request) -> Response:
        if bank.kind == "enable_banking":
            return JSONResponse({"code": 422, "error": "CLOSED_SESSION"}, 422)
        return JSONResponse({"tppMessages": [{"category": "ERROR", "code": "CONSENT_INVALID"}]}, 401)

    bank.odd.instead["balances"] = invalid
    while_it_holds = (await bank.refresh(), (await bank.link())["status"])
    await bank.end_consent()
    afterwards = (await bank.refresh(), (await bank.link())["status"])

    assert while_it_holds == (["PROVIDER_UNAVAILABLE"], "ACTIVE")
    assert afterwards == (["CONSENT_REQUIRED"], "REVOKED")


async def test_an_account_in_yen_has_no_minor_units(bank: OddBank) -> None:
    amount = "balance_amount" if bank.kind == "enable_banking" else "balanceAmount"

    def in_yen(items: list[Any]) -> list[Any]:
        return [{**item, "currency": "JPY"} for item in items]

    bank.odd.accounts = in_yen
    bank.odd.balances = lambda items: [{**item, amount: {"currency": "JPY", "amount": "1200"}} for item in items]
    bank.says([bank.line(transactionAmount={"currency": "JPY", "amount": "-300"}, creditorName="Kiwi")])
    await bank.connect()

    account = await bank.account()
    assert {balance["amount"]["amountMinor"] for balance in account["balances"]} == {"1200"}
    assert [line["amount"] for line in await bank.lines()] == [{"amountMinor": "-300", "currency": "JPY"}]


@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_without_a_sign_it_counts_whose_number_stands_on_which_side(bank: OddBank) -> None:
    bank.says([bank.line()])
    await bank.connect()
    own = {"bban": (await bank.account())["bban"]}
    sides: dict[str, dict[str, Any]] = {
        "salary": {"amount": "100.00", "creditorAccount": own, "creditorName": "Kari Nordmann"},
        "rent": {"amount": "100.00", "debtorAccount": own, "debtorName": "Kari Nordmann"},
        "a minus wins": {"amount": "-100.00", "creditorAccount": own},
        "the indicator wins": {"amount": "100.00", "creditorAccount": own, "creditDebitIndicator": "DBIT"},
    }
    found: dict[str, str] = {}
    for name, parts in sides.items():
        bank.says([bank.line(remittanceInformationUnstructured=name, entryReference=name, **parts)])
        await bank.refresh()
        found |= {line["message"]: line["amount"]["amountMinor"] for line in await bank.lines() if line["message"]}

    assert found == {
        "salary": "10000",
        "rent": "-10000",
        "a minus wins": "-10000",
        "the indicator wins": "-10000",
    }
