"""Card payments at Stripe: its words, which the sandbox does not use, as users see them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import card_payment, paid, refund
from tests.builders.gateway import nodes


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

    (shown,) = nodes((await card_payment(kari, payment))["refunds"])
    assert (before, shown["status"], shown["failure"]["code"]) == ("SUCCEEDED", "FAILED", code)
    assert "Kort" in shown["failure"]["message"] or code == "FAILED"
