"""Payments for a later day: they wait, may be cancelled, and keep to banking days."""

from tests.api.test_bank_payment import CANCEL
from tests.builders.gateway import Play, a_payment, nodes, pay, payment_of


async def test_a_payment_for_a_later_day_waits_for_it(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account, executionDate="2026-12-01")))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    scheduled = await payment_of(kari, payment["id"])
    assert (scheduled["status"], scheduled["scheduledFor"]) == ("SCHEDULED", "2026-12-01")

    await play.advance(days=6, hours=16)
    assert await play.ledger() == []
    await play.advance(hours=2)

    assert (await payment_of(kari, payment["id"]))["status"] == "SETTLED"
    assert [booking["bookingDate"] for booking in await play.ledger()] == ["2026-12-01"]


async def test_a_payment_for_a_day_on_which_banks_are_closed_is_carried_out_on_the_next_one(play: Play) -> None:
    kari, account = await play.banked()
    payload = await pay(kari, a_payment(account, executionDate="2026-12-26"))  # Saturday and Boxing Day
    await kari.press(payload["payment"]["authorisationUrl"], "approve")

    await play.advance(days=34)

    assert payload["warnings"] == [
        {
            "code": "NOT_A_BANKING_DAY",
            "message": "Bankene er stengt den dagen. Betalingen gjennomføres 28. desember 2026.",
        }
    ]
    assert [booking["bookingDate"] for booking in await play.ledger()] == ["2026-12-28"]


async def test_a_scheduled_payment_is_cancelled_with_the_users_approval_at_the_bank(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account, executionDate="2026-12-01")))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")

    asked = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["payment"]
    assert (asked["status"], asked["cancellation"]["status"]) == ("SCHEDULED", "AUTHORISATION_REQUIRED")
    await kari.press(asked["cancellation"]["authorisationUrl"], "approve")
    await play.advance(days=10)

    ended = await payment_of(kari, payment["id"])
    assert (ended["status"], ended["cancellation"]["status"]) == ("CANCELLED", "CANCELLED")
    assert ended["cancellation"]["authorisationUrl"] is None
    assert [event["cause"] for event in nodes(ended["history"]) if event["kind"] == "CANCELLATION"] == ["USER"]
    assert await play.ledger() == []


async def test_a_scheduled_payment_without_funds_on_its_day_is_rejected(play: Play) -> None:
    lars, account = await play.banked("lars")
    payment = (await pay(lars, a_payment(account, executionDate="2026-12-01")))["payment"]
    await lars.press(payment["authorisationUrl"], "approve")

    await play.advance(days=7)

    ended = await payment_of(lars, payment["id"])
    assert (ended["status"], ended["failure"]["code"]) == ("REJECTED", "INSUFFICIENT_FUNDS")
