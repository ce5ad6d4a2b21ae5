"""Stripe's events about what a plan is charged: matched by the invoice, in the shapes of either API version."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import plan_of, subscribe
from tests.builders.gateway import Player, nodes

INVOICE, INTENT, CHARGE, SUBSCRIPTION = "in_000001", "pi_in_000001", "ch_in_000001", "sub_of_kari"
DISPUTE = {"object": "dispute", "id": "dp_1", "charge": CHARGE, "payment_intent": INTENT, "status": "needs_response"}
REFUND = {"object": "refund", "id": "re_1", "charge": CHARGE, "payment_intent": INTENT, "status": "failed"}
# Until 2025-03-31 an intent and a charge name their invoice, and an invoice its subscription.
BEFORE: dict[str, dict[str, Any]] = {
    "payment_intent.succeeded": {"object": "payment_intent", "id": INTENT, "invoice": INVOICE, "metadata": {}},
    "charge.succeeded": {"object": "charge", "id": CHARGE, "payment_intent": INTENT, "invoice": INVOICE},
    "invoice.paid": {"object": "invoice", "id": INVOICE, "subscription": SUBSCRIPTION, "payment_intent": INTENT},
    "invoice.voided": {"object": "invoice", "id": INVOICE, "subscription": None},
    "charge.dispute.created": DISPUTE,
    "charge.refund.updated": REFUND,
}
PARENT = {"type": "subscription_details", "subscription_details": {"subscription": SUBSCRIPTION, "metadata": {}}}
SINCE: dict[str, dict[str, Any]] = {
    "payment_intent.succeeded": {"object": "payment_intent", "id": INTENT, "metadata": {}},
    "charge.succeeded": {"object": "charge", "id": CHARGE, "payment_intent": INTENT},
    "invoice.paid": {"object": "invoice", "id": INVOICE, "parent": PARENT},
    "invoice_payment.paid": {
        "object": "invoice_payment",
        "id": "inpay_1",
        "invoice": INVOICE,
        "payment": {"type": "payment_intent", "payment_intent": INTENT},
    },
    "charge.dispute.created": DISPUTE,
    "charge.refund.updated": REFUND,
}


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, tmp_path) as running:
        yield running


async def with_an_unread_invoice(stripe: AtStripe) -> Player:
    """Somebody whose plan's invoice was never read here."""
    kari = await stripe.approved()
    await subscribe(kari)
    await stripe.advance(minutes=1)
    async with stripe.play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("DELETE FROM ledger_entry WHERE plan_invoice_id IS NOT NULL"))
        await connection.execute(text("DELETE FROM plan_invoice"))
    return kari


@pytest.mark.parametrize(
    ("kind", "about"), [*BEFORE.items(), *SINCE.items()], ids=[*(f"{kind} before" for kind in BEFORE), *SINCE]
)
async def test_what_pays_an_invoice_that_was_not_read_yet_is_matched_by_it(
    stripe: AtStripe, kind: str, about: dict[str, Any]
) -> None:
    kari = await with_an_unread_invoice(stripe)
    told = len(await stripe.webhooks())

    (intent,) = stripe.vendor.subscriptions
    await stripe.tell(kind, json.loads(json.dumps(about).replace(SUBSCRIPTION, f"sub_{intent}")))

    plan = await plan_of(kari)
    assert plan is not None
    assert [invoice["status"] for invoice in nodes(plan["invoices"])] == ["PAID"]
    assert (await stripe.webhooks())[told:] in (["IGNORED"], ["PROCESSED"])


async def test_no_event_of_a_plans_life_stays_unmatched(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    await subscribe(kari, "pm_card_chargeCustomerFail")

    await stripe.advance(days=60)

    assert await plan_of(kari) is None
    assert set(await stripe.webhooks()) <= {"IGNORED", "PROCESSED"}


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("charge.dispute.created", "Plan's charge disputed"),
        ("charge.refund.updated", "Plan's charge not given back"),
    ],
)
async def test_what_befalls_a_plans_charge_is_told_to_operators(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, title: str
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        await with_an_unread_invoice(stripe)
        await stripe.tell(kind, SINCE[kind])

    assert title in capsys.readouterr().err


async def test_a_charge_of_another_shop_on_the_account_is_nobodys_plan(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    await subscribe(kari)
    told = len(await stripe.webhooks())

    await stripe.tell("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_of_a_shop", "metadata": {}})
    await stripe.tell("invoice.paid", {"object": "invoice", "id": "in_of_a_shop", "metadata": {}})
    await stripe.advance(minutes=10)

    assert (await stripe.webhooks())[told:].count("UNMATCHED") == 2


async def moved(stripe: AtStripe) -> list[tuple[str, int]]:
    query = "SELECT kind, amount_minor FROM ledger_entry WHERE plan_invoice_id IS NOT NULL ORDER BY moved_at, id"
    async with stripe.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return [(kind, amount) for kind, amount in await connection.execute(text(query))]


async def test_a_dispute_of_a_plans_charge_moves_money_when_it_is_decided_and_once(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    await subscribe(kari)
    disputes, intent = "/sandbox/cards/disputes/pi_in_000001", "pi_in_000001"
    seen = []

    for decision, status in (("open", "needs_response"), ("lost", "lost"), ("", "lost"), ("", "won"), ("", "won")):
        stripe.clock.at += timedelta(seconds=1)
        if decision:
            await stripe.play.browser().http.post(disputes, data={"decision": decision})
        stripe.vendor.words["dispute"] = status
        about = {"object": "dispute", "id": "dp_of_plan", "payment_intent": intent, "status": status}
        await stripe.tell("charge.dispute.updated", about)
        seen.append(await moved(stripe))

    charged = ("CHARGED", 4_900)
    lost = [charged, ("DISPUTED", 4_900)]
    assert seen == [[charged], lost, lost, [*lost, ("DISPUTE_REVERSED", 4_900)], [*lost, ("DISPUTE_REVERSED", 4_900)]]
