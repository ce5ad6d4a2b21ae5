"""The ledger says what moved, once per vendor's object, and the sums that users see come from it."""

from typing import Any

from sqlalchemy import text

from tests.builders.cards import DECLINED, card_payment, confirm, create, paid, refund, subscribe
from tests.builders.gateway import Play

Moved = list[tuple[str, int]]


async def moved(play: Play, payment_id: str | None = None) -> Moved:
    """What the ledger has, of one payment or of plans, oldest first."""
    which = "payment_id = :id" if payment_id else "plan_invoice_id IS NOT NULL"
    query = text(f"SELECT kind, amount_minor FROM ledger_entry WHERE {which} ORDER BY moved_at, kind, amount_minor")
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        return [(kind, amount) for kind, amount in await connection.execute(query, {"id": payment_id})]


async def decide(play: Play, decision: str, amount: int | None = None, intent: str = "pi_000001") -> None:
    data: dict[str, Any] = {"decision": decision, **({"amount": str(amount)} if amount else {})}
    await play.browser().http.post(f"/sandbox/cards/disputes/{intent}", data=data)
    await play.settle()


async def test_what_a_card_was_charged_and_given_back(play: Play) -> None:
    kari = await play.approved()
    declined = (await create(kari))["payment"]["id"]
    await confirm(kari, declined, DECLINED)
    payment = await paid(kari, 10_000)
    for amount in (1_000, 2_000):
        await refund(kari, payment, amount)
    await play.settle()

    assert await moved(play, declined) == []
    assert await moved(play, payment) == [("CHARGED", 10_000), ("REFUNDED", 1_000), ("REFUNDED", 2_000)]
    assert (await card_payment(kari, payment))["refundedAmount"] == {"amountMinor": "3000"}


async def test_a_refund_under_way_counts_and_has_not_moved(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari, 10_000, "pm_card_pendingRefund")

    await refund(kari, payment, 4_000)
    before = await moved(play, payment)
    too_much = await refund(kari, payment, 6_001)
    await play.advance(hours=1)

    assert before == [("CHARGED", 10_000)]
    assert [error["code"] for error in too_much["userErrors"]] == ["INVALID_AMOUNT"]
    assert await moved(play, payment) == [("CHARGED", 10_000), ("REFUNDED", 4_000)]
    assert (await card_payment(kari, payment))["refundedAmount"] == {"amountMinor": "4000"}


async def test_a_refund_that_comes_back_is_undone_and_can_be_given_again(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari, 10_000, "pm_card_refundFail")
    await refund(kari, payment)

    await play.advance(hours=24)

    assert await moved(play, payment) == [("CHARGED", 10_000), ("REFUNDED", 10_000), ("REFUND_REVERSED", 10_000)]
    assert (await card_payment(kari, payment))["refundStatus"] == "NONE"
    assert (await refund(kari, payment, 1))["userErrors"] == []


async def test_a_dispute_moves_money_when_it_is_lost_and_each_once(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari, 10_000)

    await decide(play, "open", 3_000)
    opened = await moved(play, payment)
    await decide(play, "lost")
    await decide(play, "open", 2_000)
    await decide(play, "won")
    await decide(play, "open", 1_000)
    await decide(play, "lost")
    await refund(kari, payment)
    await play.settle()

    assert opened == [("CHARGED", 10_000)]
    assert await moved(play, payment) == [
        ("CHARGED", 10_000),
        ("DISPUTED", 1_000),
        ("DISPUTED", 3_000),
        ("REFUNDED", 6_000),
    ]
    assert (await card_payment(kari, payment))["refundedAmount"] == {"amountMinor": "10000"}


async def test_each_bill_of_a_plan_that_was_paid_is_a_charge(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari)

    await play.advance(days=35)

    assert await moved(play) == [("CHARGED", 4_900)] * 2
