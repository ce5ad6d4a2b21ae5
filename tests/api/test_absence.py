"""A payment in doubt that does not stand in its account's statement: what proves that, and what operators are shown."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.gateway import nodes, payment_of
from tests.builders.odd_banks import KINDS, OddBank, odd_bank

DISCONNECT = "mutation($id: ID!) { disconnectBank(input: {bankLinkId: $id}) { userErrors { code } } }"
OTHER_AMOUNT = 9_900


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        bank.odd.gives_ids = True
        await bank.connect()
        yield bank


async def an_earlier_line(bank: OddBank) -> None:
    """A payment of before, in whose line the bank gives our id back, where it gives them."""
    earlier = await bank.pay(OTHER_AMOUNT)
    await bank.visit(earlier["authorisationUrl"])
    await bank.pass_time(minutes=5)
    assert await bank.refresh() == []
    await bank.play.settle()


async def lost(bank: OddBank) -> dict[str, Any]:
    """A payment that the bank has taken without saying so, and that nobody has approved."""
    bank.face.loses_answers = True
    payment = await bank.pay()
    bank.face.loses_answers = False
    return payment


async def stands(bank: OddBank, payment: dict[str, Any]) -> tuple[str, bool, str]:
    found = await payment_of(bank.kari, payment["id"])
    return found["status"], found["inDoubt"], nodes(found["history"])[-1]["cause"]


async def worklist(bank: OddBank) -> list[dict[str, Any]]:
    found = (await bank.play.browser().http.get("/api/operator/payments/doubts")).json()["payments"]
    return list(found)


IN_DOUBT = ("CREATED", True, "NO_ANSWER")


async def test_absence_ends_the_doubt_after_a_banking_day_where_ids_come_back(bank: OddBank) -> None:
    await an_earlier_line(bank)
    payment = await lost(bank)

    await bank.pass_time(hours=12)
    (waiting,), early = await worklist(bank), await stands(bank, payment)
    await bank.pass_time(days=10)

    assert (waiting["waitsFor"], waiting["hasConsent"], waiting["likeDebits"]) == ("BANKING_DAY", True, [])
    assert early == IN_DOUBT
    assert await stands(bank, payment) == ("FAILED", False, "INFERRED")
    assert await bank.booked() == 1
    assert await worklist(bank) == []


@pytest.mark.parametrize("bank", ["open_payments"], indirect=True)
async def test_an_end_that_was_concluded_is_watched_for_ten_banking_days(bank: OddBank, alerts: list[str]) -> None:
    await an_earlier_line(bank)
    payment = await lost(bank)
    # Over a weekend, too, and whatever the hour is.
    await bank.pass_time(days=6)
    concluded = await stands(bank, payment)

    identifier = f"D-{payment['id'].removeprefix('pay_')}"
    line = bank.line(amount="-125.00", endToEndId=identifier, creditorName="Ola", bookingDate=bank.day(0))
    bank.odd.more.setdefault(await bank.resource(), []).append(line)
    await bank.pass_time(days=2)

    assert concluded == ("FAILED", False, "INFERRED")
    assert await stands(bank, payment) == ("SETTLED", False, "VENDOR_CORRECTION")
    assert "Payment settled after its end" in alerts


async def test_where_no_id_ever_came_back_absence_proves_nothing(bank: OddBank) -> None:
    bank.odd.gives_ids = False
    await an_earlier_line(bank)
    payment = await lost(bank)

    await bank.pass_time(days=10)

    assert await stands(bank, payment) == IN_DOUBT
    assert [(one["waitsFor"], one["likeDebits"]) for one in await worklist(bank)] == [("NO_IDS", [])]


@pytest.mark.parametrize("gives_ids", [True, False])
async def test_a_like_debit_is_evidence_for_operators_alone(bank: OddBank, gives_ids: bool) -> None:
    bank.odd.gives_ids = gives_ids
    await an_earlier_line(bank)
    payment = await lost(bank)
    like = bank.line(amount="-125.00", creditorName="Ola", bookingDate=bank.day(0))
    bank.odd.more[await bank.resource()] = [like]

    await bank.pass_time(days=10)

    assert await stands(bank, payment) == IN_DOUBT
    (doubt,) = await worklist(bank)
    assert doubt["waitsFor"] == "LIKE_DEBIT"
    shown = [(line["status"], line["bookingDate"], line["amountMinor"]) for line in doubt["likeDebits"]]
    assert shown == [("BOOKED", like.get("bookingDate") or like["booking_date"], -12_500)]


async def test_a_reading_with_an_unreadable_line_proves_nothing(bank: OddBank) -> None:
    await an_earlier_line(bank)
    payment = await lost(bank)
    bank.odd.more[await bank.resource()] = [bank.line(amount="Infinity")]

    await bank.pass_time(days=10)
    odd, doubts = await stands(bank, payment), await worklist(bank)
    bank.odd.more.clear()
    await bank.pass_time(days=1)

    assert odd == IN_DOUBT
    assert [one["waitsFor"] for one in doubts] == ["READING"]
    assert await stands(bank, payment) == ("FAILED", False, "INFERRED")


async def test_without_a_consent_it_stays_with_the_operators(bank: OddBank) -> None:
    await an_earlier_line(bank)
    payment = await lost(bank)
    await bank.kari.ask(DISCONNECT, id=(await bank.link())["id"])

    await bank.pass_time(days=10)

    assert await stands(bank, payment) == IN_DOUBT
    assert [(one["waitsFor"], one["hasConsent"]) for one in await worklist(bank)] == [("CONSENT", False)]


async def test_while_a_doubt_waits_its_account_is_read_once_a_day(bank: OddBank) -> None:
    bank.odd.gives_ids = False
    await lost(bank)
    await bank.pass_time(hours=2)
    bank.odd.asked.clear()

    for _ in range(8):
        await bank.pass_time(hours=6)

    accounts = len((await bank.link())["accounts"])
    firsts = [query for query in bank.odd.asked if not query.get("page") and not query.get("continuation_key")]
    assert len(firsts) == 2 * accounts


@pytest.mark.parametrize("bank", ["direct"], indirect=True)
async def test_which_lines_may_be_the_payment(bank: OddBank) -> None:
    paid = await bank.pay()
    payment = await lost(bank)
    ours, theirs = (f"D-{one['id'].removeprefix('pay_')}" for one in (payment, paid))
    today, money = bank.day(0), {"creditorName": "Ola", "bookingDate": bank.day(0)}
    may_be = [
        bank.line(amount="-125.00", **money),
        bank.line(amount="-125.00", endToEndId="NOTPROVIDED", entryReference="e", **money),
        bank.line(amount="-125.00", endToEndId="RF18539007547034", entryReference="f", **money),
        bank.line(amount="-124.00", endToEndId=ours, **money),
    ]
    withdrawn = bank.line(amount="-125.00", entryReference="w", **{**money, "creditorName": "Kari"})
    others = [
        bank.line(amount="-125.00", endToEndId=theirs, **money),
        bank.line(amount="-125.00", creditorName="Ola", bookingDate=bank.day(1)),
        bank.line(amount="-125.01", **money),
    ]
    lines = bank.odd.more[await bank.resource()] = [*may_be, *others, withdrawn]
    for _ in range(3):
        assert await bank.refresh() == []
        await bank.play.settle()
        lines[:] = [*may_be, *others]

    (doubt,) = await worklist(bank)

    shown = [(line["bookingDate"], line["amountMinor"]) for line in doubt["likeDebits"]]
    assert sorted(shown) == [*3 * [(today, -12_500)], (today, -12_400)]
