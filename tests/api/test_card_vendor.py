"""Card payments at Stripe: its words, which the sandbox does not use, as users see them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import card_payment, paid, plan_of, refund, subscribe
from tests.builders.gateway import Player

CHALLENGED_ALWAYS, LAPSING = "pm_card_authenticationRequired", "pm_card_chargeCustomerFail"


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("lost_or_stolen_card", "CARD_NOT_USABLE"),
        ("declined", "DECLINED"),
        ("a reason of tomorrow", "FAILED"),
        (None, "FAILED"),
    ],
)
async def test_why_a_refund_failed_is_a_code_with_a_text(stripe: AtStripe, reason: str | None, code: str) -> None:
    stripe.vendor.refund_failure = reason
    kari = await stripe.approved()
    payment = await paid(kari, 10_000, "pm_card_refundFail")

    before = (await refund(kari, payment, 4_000))["refund"]["status"]
    await stripe.advance(hours=24)

    (shown,) = (await card_payment(kari, payment))["refunds"]
    assert (before, shown["status"], shown["failure"]["code"]) == ("SUCCEEDED", "FAILED", code)
    assert "card" in shown["failure"]["message"] or code == "FAILED"


async def open_plan(player: Player) -> dict[str, Any]:
    plan = await plan_of(player)
    assert plan is not None
    return plan


async def test_a_renewal_that_was_declined_tells_why(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    begun = (await subscribe(kari, LAPSING))["planSubscription"]

    await stripe.advance(days=31)
    plan = await open_plan(kari)

    assert (plan["status"], plan["failure"], plan["authorisationUrl"]) == ("PAST_DUE", {"code": "CARD_DECLINED"}, None)
    assert [invoice["status"] for invoice in plan["invoices"]] == ["OPEN", "PAID"]
    assert plan["version"] > begun["version"]


@pytest.mark.parametrize(
    ("decision", "status", "failure"), [("approve", "ACTIVE", None), ("refuse", "PAST_DUE", "AUTHENTICATION_FAILED")]
)
async def test_a_renewal_that_wants_3d_secure_has_its_page(
    stripe: AtStripe, decision: str, status: str, failure: str | None
) -> None:
    kari = await stripe.approved()
    first = (await subscribe(kari, CHALLENGED_ALWAYS))["planSubscription"]["authorisationUrl"]
    await kari.press(first, "approve")
    await stripe.play.settle()
    running = await open_plan(kari)

    await stripe.advance(days=31)
    waiting = await open_plan(kari)
    await kari.press(waiting["authorisationUrl"], decision)
    await stripe.play.settle()
    after = await open_plan(kari)

    assert (running["status"], running["authorisationUrl"]) == ("ACTIVE", None)
    assert (waiting["status"], waiting["failure"]) == ("PAST_DUE", None)
    assert after["status"] == status
    assert (after["failure"] or {}).get("code") == failure
    assert after["authorisationUrl"] is None
    assert running["version"] < waiting["version"] < after["version"]
