"""A booked line that the bank withdraws once it has told of a payment: the status stays, operators ask the bank."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.gateway import nodes
from tests.builders.odd_banks import OddBank, odd_bank

PAYMENT = """query($id: ID!) { node(id: $id) { ... on Payment { status version returned { amount { amountMinor } }
  history { edges { node { kind cause version } } } } } }"""
WITHDRAWN = "Statement line withdrawn"
MORE = "/api/operator/payments"


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("direct", database_url, tmp_path) as bank:
        await bank.connect()
        yield bank


async def read(bank: OddBank, times: int = 1) -> None:
    for _ in range(times):
        assert await bank.refresh() == []
        await bank.play.settle()


async def put(bank: OddBank, payment: dict[str, Any], amount: str, **parts: Any) -> None:
    """The bank lists one more line, which bears the payment's id."""
    reference = f"D-{payment['id'].removeprefix('pay_')}"
    line = bank.line(amount=amount, endToEndId=reference, debtorName="Ola", **parts)
    bank.odd.more.setdefault(await bank.resource(), []).append(line)


async def withdraw(bank: OddBank, place: int = -1) -> Any:
    """The bank lists a line no more, and is read twice. Gives the line."""
    line = bank.odd.more[await bank.resource()].pop(place)
    await read(bank, 2)
    return line


async def list_again(bank: OddBank, line: Any) -> None:
    bank.odd.more[await bank.resource()].append(line)
    await read(bank)


async def stands(bank: OddBank, payment: dict[str, Any]) -> tuple[str, int, list[str]]:
    """Its status, what came back, and the kinds of its history's steps since it was settled."""
    found = (await bank.kari.ask(PAYMENT, id=payment["id"]))["node"]
    back = int(found["returned"]["amount"]["amountMinor"]) if found["returned"] else 0
    history = nodes(found["history"])
    assert [step["version"] for step in history][-1] == found["version"]
    return found["status"], back, [step["kind"] for step in history if step["cause"] in ("STATEMENT", "OPERATOR")]


async def worklist(bank: OddBank) -> list[tuple[str, bool]]:
    found = (await bank.play.browser().http.get(f"{MORE}/doubts")).json()["payments"]
    return [(one["id"], one["withdrawnSince"] is not None) for one in found]


async def count(bank: OddBank, rows: str) -> int:
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {rows}"))).scalar_one())


async def told(bank: OddBank) -> list[str]:
    """The messages about returns."""
    query = "SELECT template FROM notification WHERE template LIKE 'payment_return%' ORDER BY template"
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return list((await connection.execute(text(query))).scalars())


async def test_a_debit_that_is_withdrawn_leaves_the_payment_settled_and_to_operators(
    bank: OddBank, alerts: list[str]
) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00")
    await read(bank)

    line = bank.odd.more[await bank.resource()].pop()
    await read(bank)
    once = await stands(bank, payment)
    await read(bank, 2)
    twice = (await stands(bank, payment), await worklist(bank), list(alerts))
    await list_again(bank, line)

    assert once == ("SETTLED", 0, ["STATUS"])
    assert twice == (("SETTLED", 0, ["STATUS", "WITHDRAWN"]), [(payment["id"], True)], [WITHDRAWN])
    assert await stands(bank, payment) == ("SETTLED", 0, ["STATUS", "WITHDRAWN", "LISTED_AGAIN"])
    assert (await worklist(bank), alerts) == ([], [WITHDRAWN])
    # It may go once more.
    await withdraw(bank)
    assert await worklist(bank) == [(payment["id"], True)]


async def test_a_return_that_is_withdrawn_has_not_come_back(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00")
    await put(bank, payment, "120.00", bookingDate=bank.day(0))
    await read(bank)
    before = await stands(bank, payment)

    line = await withdraw(bank)
    gone = (await stands(bank, payment), await worklist(bank))
    await list_again(bank, line)

    assert before == ("SETTLED", 12_000, ["STATUS", "RETURN"])
    assert gone == (("SETTLED", 0, ["STATUS", "RETURN", "WITHDRAWN"]), [(payment["id"], True)])
    assert await stands(bank, payment) == ("SETTLED", 12_000, ["STATUS", "RETURN", "WITHDRAWN", "RETURN"])
    assert await worklist(bank) == []
    # Who was told that the money is back is told that it is not, and that it has come again.
    assert await told(bank) == ["payment_return_withdrawn", "payment_returned", "payment_returned"]


@pytest.mark.parametrize("last", ["debit", "return"])
async def test_a_line_that_has_lost_its_id_still_tells_of_its_payment_until_it_is_withdrawn(
    bank: OddBank, alerts: list[str], last: str
) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00", creditorName="Kari")
    if last == "return":
        await put(bank, payment, "120.00", bookingDate=bank.day(0))
    await read(bank)
    before, told = await stands(bank, payment), list(alerts)

    del bank.odd.more[await bank.resource()][-1]["endToEndId"]
    await read(bank, 3)
    unnamed = await stands(bank, payment)
    await withdraw(bank)

    assert unnamed == before
    assert (await stands(bank, payment))[2] == [*before[2], "WITHDRAWN"]
    assert await worklist(bank) == [(payment["id"], True)]
    assert alerts == [*told, WITHDRAWN]


@pytest.mark.parametrize("parts", [{"creditorName": "Kiwi"}, {"endToEndId": "RF18"}])
async def test_another_line_of_the_same_day_and_amount_does_not_take_the_place_of_the_debit(
    bank: OddBank, parts: dict[str, str]
) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00", creditorName="Kari")
    await read(bank)

    bank.odd.more[await bank.resource()] = [bank.line(amount="-125.00", **{"creditorName": "Kari", **parts})]
    await read(bank, 2)

    assert await stands(bank, payment) == ("SETTLED", 0, ["STATUS", "WITHDRAWN"])
    assert await count(bank, "bank_transaction WHERE missed = 0 AND amount_minor = -12500") == 1


async def test_a_debit_that_turns_into_a_reservation_and_goes_is_withdrawn(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00", entryReference="1")
    await read(bank)

    bank.odd.more[await bank.resource()].clear()
    await put(bank, payment, "-125.00", entryReference="1", status="pending")
    await read(bank)
    reserved = await stands(bank, payment)
    bank.odd.more[await bank.resource()].clear()
    await read(bank, 2)

    assert reserved == ("SETTLED", 0, ["STATUS"])
    assert await stands(bank, payment) == ("SETTLED", 0, ["STATUS", "WITHDRAWN"])
    assert (await worklist(bank), alerts) == ([(payment["id"], True)], [WITHDRAWN])


async def test_a_withdrawn_line_whose_payment_is_gone_keeps_no_other_from_its_turn(
    bank: OddBank, alerts: list[str]
) -> None:
    payments = [await bank.pay(), await bank.pay(9_900)]
    await put(bank, payments[0], "-125.00")
    await put(bank, payments[1], "-99.00")
    await read(bank)
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        change = text("UPDATE payment SET end_to_end_id = 'gone' WHERE id = :id")
        await connection.execute(change, {"id": payments[0]["id"]})
    await put(bank, payments[1], "20.00", bookingDate=bank.day(0))
    del bank.odd.more[await bank.resource()][:2]

    await read(bank, 3)

    assert await stands(bank, payments[1]) == ("SETTLED", 2_000, ["STATUS", "RETURN", "WITHDRAWN"])
    assert alerts == ["Payment returned", WITHDRAWN]
    assert await bank.jobs("match_lines") == 0


async def test_what_is_still_missing_keeps_the_payment_on_the_list(bank: OddBank) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00")
    await put(bank, payment, "120.00", bookingDate=bank.day(0))
    await read(bank)

    debit, _ = await withdraw(bank, 0), await withdraw(bank)
    await list_again(bank, debit)

    assert await worklist(bank) == [(payment["id"], True)]


async def test_a_second_debit_takes_the_place_of_the_first(bank: OddBank) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00", entryReference="first")
    await read(bank)
    await put(bank, payment, "-125.00", entryReference="second", bookingDate=bank.day(1))
    await read(bank)
    odd = (await bank.play.browser().http.get(f"{MORE}/lines")).json()["lines"]

    await withdraw(bank, 0)

    assert [line["reason"] for line in odd] == ["SECOND_DEBIT"]
    assert await stands(bank, payment) == ("SETTLED", 0, ["STATUS", "WITHDRAWN", "LISTED_AGAIN"])
    assert await worklist(bank) == []
    assert (await bank.play.browser().http.get(f"{MORE}/lines")).json()["lines"] == []


async def test_an_operator_ends_what_the_bank_has_explained(bank: OddBank) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-125.00")
    await read(bank)
    await withdraw(bank)
    operator, path = bank.play.browser().http, f"{MORE}/{payment['id']}/resolve"

    refused = await operator.post(path, data={"outcome": "FAILED", "reason": "DNB, case 4711"})
    done = await operator.post(path, data={"outcome": "SETTLED", "reason": "DNB, case 4711: carried out"})
    again = await operator.post(path, data={"outcome": "SETTLED", "reason": "DNB, case 4711: carried out"})

    assert (refused.status_code, done.status_code, again.status_code) == (409, 200, 409)
    assert await stands(bank, payment) == ("SETTLED", 0, ["STATUS", "WITHDRAWN", "STATUS"])
    assert await worklist(bank) == []
    assert await count(bank, "audit_event WHERE action = 'payment_resolved'") == 1


async def test_a_line_that_told_nothing_of_a_payment_is_withdrawn_in_silence(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    await put(bank, payment, "-124.00")
    await read(bank)
    told = list(alerts)

    await withdraw(bank)

    assert alerts == told
    assert await worklist(bank) == []
