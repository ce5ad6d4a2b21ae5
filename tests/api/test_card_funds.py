"""Refunds that Drop's own balance at the card vendor does not cover: they wait, and are sent again."""

from pathlib import Path

import pytest

from tests.builders.at_stripe import at_stripe
from tests.builders.cards import card_payment, paid, refund
from tests.builders.gateway import nodes


@pytest.mark.parametrize("shown", ["refused", "failed"])
async def test_a_refund_that_our_balance_does_not_cover_is_sent_again(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], shown: str
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await stripe.approved()
        payment = await paid(kari, 10_000)
        stripe.vendor.short_of_funds = shown

        first = (await refund(kari, payment, 4_000))["refund"]["status"]
        await stripe.advance(hours=30)
        waiting = await card_payment(kari, payment)
        too_much = await refund(kari, payment, 6_001)
        stripe.vendor.short_of_funds = None
        await stripe.advance(hours=12)
        after = await card_payment(kari, payment)
        await stripe.tell("charge.updated", {"object": "charge", "id": "ch_1", "payment_intent": "pi_000001"})

        assert first == "PENDING"
        assert [(one["status"], one["failure"]) for one in nodes(waiting["refunds"])] == [("PENDING", None)]
        assert too_much["userErrors"]
        assert [one["status"] for one in nodes(after["refunds"])] == ["SUCCEEDED"]
        assert await card_payment(kari, payment) == after
        made = (await stripe.play.gateway.sandbox.get("/ledger")).json()["refunds"]
        assert [one["amount"] for one in made] == [4_000]
        assert bool(stripe.vendor.unpaid_refunds) is (shown == "failed")
    assert capsys.readouterr().err.count("Refund lacks funds") == 1


async def test_a_refund_of_the_dashboard_that_lacked_funds_has_failed(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await stripe.approved()
        payment = await paid(kari, 10_000)
        shown = {"id": "re_theirs", "object": "refund", "payment_intent": "pi_000001", "amount": 500, "currency": "nok"}
        lacking = {"metadata": {}, "status": "failed", "failure_reason": "insufficient_funds"}
        stripe.vendor.unpaid_refunds = [{**shown, **lacking}]

        await stripe.tell("charge.updated", {"object": "charge", "id": "ch_1", "payment_intent": "pi_000001"})
        await stripe.advance(hours=12)

        (shown_here,) = nodes((await card_payment(kari, payment))["refunds"])
        assert shown_here["status"] == "FAILED"
        assert (await stripe.play.gateway.sandbox.get("/ledger")).json()["refunds"] == []
