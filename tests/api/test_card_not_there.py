"""A payment that the card vendor does not have any more: nobody guesses what became of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import card_payment, create, paid
from tests.builders.gateway import Player

DOUBTS = "/api/operator/payments/doubts"


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, tmp_path) as stripe:
        yield stripe


async def told(stripe: AtStripe, payment: str, intent: str) -> None:
    about = {"id": intent, "object": "payment_intent", "metadata": {"orderId": payment}}
    await stripe.tell("payment_intent.updated", about)


async def waiting(stripe: AtStripe, kari: Player) -> dict[str, Any]:
    payment: dict[str, Any] = (await create(kari))["payment"]
    (intent,) = stripe.vendor.intents
    stripe.vendor.lost.add(intent)
    await told(stripe, payment["id"], intent)
    return payment


async def test_an_open_one_is_in_doubt_and_asked_about_without_an_alert(stripe: AtStripe, alerts: list[str]) -> None:
    kari = await stripe.approved()
    payment = await waiting(stripe, kari)

    await stripe.advance(hours=30)

    shown = await card_payment(kari, payment["id"])
    assert (shown["status"], shown["inDoubt"]) == ("AUTHORISATION_REQUIRED", True)
    (doubted,) = (await stripe.play.browser().http.get(DOUBTS)).json()["payments"]
    assert doubted["id"] == payment["id"]
    assert "Vendor refuses us" not in " ".join(alerts)


async def test_an_operator_can_call_it_failed(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = await waiting(stripe, kari)

    path = f"/api/operator/payments/{payment['id']}/resolve"
    done = await stripe.play.browser().http.post(path, data={"outcome": "FAILED", "reason": "never charged"})

    assert (done.json()["status"], done.json()["inDoubt"]) == ("FAILED", False)


async def test_one_that_was_paid_stays_so(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = await paid(kari)
    (intent,) = stripe.vendor.intents
    stripe.vendor.lost.add(intent)

    await told(stripe, payment, intent)

    assert (await card_payment(kari, payment))["status"] == "SETTLED"
    assert (await stripe.webhooks())[-1] == "IGNORED"
