"""What Stripe has, held against what is stored: mended by evidence, or listed with an alert."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import DateTime, bindparam, text

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import card_payment, create, paid, plan_of, refund, subscribe
from tests.builders.gateway import Player
from tests.conftest import NOON

LIST = "/api/operator/reconciliation"
ALERT = "Reconciliation found differences"
FOREIGN: dict[str, Any] = {
    "id": "pi_foreign",
    "object": "payment_intent",
    "amount": 5_000,
    "currency": "nok",
    "status": "succeeded",
    "metadata": {},
    "created": int(NOON.timestamp()),
}


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, tmp_path) as stripe:
        yield stripe


@pytest.fixture
async def kari(stripe: AtStripe) -> Player:
    return await stripe.approved()


async def write(stripe: AtStripe, *statements: str) -> None:
    async with stripe.play.gateway.infrastructure.database.write_engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def differences(stripe: AtStripe) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stripe.play.browser().http.get(LIST)).json()["differences"]
    return found


async def reconcile(stripe: AtStripe) -> list[tuple[str, str, str]]:
    """Run it as an operator does, two hours later, and again after the time that mending may take. Gives the list."""
    stripe.clock.at += timedelta(hours=2)
    operator = stripe.play.browser().http
    assert (await operator.post(f"{LIST}/run")).status_code == 202
    await stripe.play.settle()
    for minutes in (60, 10):
        stripe.clock.at += timedelta(minutes=minutes)
        await stripe.play.settle()
    shown = await differences(stripe)
    return sorted((one["difference"], one["object"], one["vendorObjectId"]) for one in shown)


async def test_what_is_the_same_on_both_sides_is_no_difference(
    stripe: AtStripe, kari: Player, alerts: list[str]
) -> None:
    payment = await paid(kari, 10_000)
    await refund(kari, payment, 1_000)
    await create(kari)
    await stripe.play.browser().http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
    await subscribe(kari)
    of_plan = {"id": "dp_of_plan", "amount": 4_900, "status": "needs_response", "payment_intent": "pi_in_000001"}
    stripe.vendor.more["disputes"] = [{**FOREIGN, "object": "dispute", **of_plan}]
    await stripe.play.settle()

    assert await reconcile(stripe) == []
    assert ALERT not in alerts


async def test_what_webhooks_did_not_tell_is_mended(stripe: AtStripe, kari: Player, alerts: list[str]) -> None:
    payment = await paid(kari, 10_000)
    await refund(kari, payment, 1_000)
    await stripe.play.browser().http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
    await subscribe(kari)
    await stripe.play.settle()
    await write(
        stripe,
        "DELETE FROM ledger_entry",
        "DELETE FROM refund",
        "DELETE FROM dispute",
        "DELETE FROM plan_invoice",
        "UPDATE plan_subscription SET status = 'INCOMPLETE'",
        "DELETE FROM job",
    )

    assert await reconcile(stripe) == []
    shown, plan = await card_payment(kari, payment), await plan_of(kari)
    assert plan is not None
    assert (shown["refundedAmount"]["amountMinor"], shown["disputes"][0]["status"]) == ("1000", "NEEDS_RESPONSE")
    assert (plan["status"], plan["invoices"]["edges"][0]["node"]["status"]) == ("ACTIVE", "PAID")
    assert ALERT not in alerts


async def test_what_the_vendor_alone_has_is_listed_and_alerts_once_and_an_odd_item_costs_itself_alone(
    stripe: AtStripe, kari: Player, alerts: list[str]
) -> None:
    await paid(kari)
    odd = [{"id": "pi_odd", "created": FOREIGN["created"]}, {**FOREIGN, "id": "pi_amount", "amount": None}]
    others = [{**FOREIGN, "id": "pi_word", "status": "new_word"}, {**FOREIGN, "id": "pi_idle", "status": "canceled"}]
    stripe.vendor.more["payment_intents"] = [*odd, *others, FOREIGN]
    stripe.vendor.more["disputes"] = [{"amount": 5_000, "created": FOREIGN["created"]}]
    stripe.vendor.more["refunds"] = [{**FOREIGN, "id": "re_foreign", "payment_intent": "pi_of_nobody"}]

    found = [await reconcile(stripe) for _ in range(2)]

    assert found[0][-3][:2] == ("UNREADABLE", "DISPUTE")
    assert found[0][-3][2].startswith("without id, ")
    assert [*found[0][:-3], *found[0][-2:]] == [
        ("UNKNOWN_HERE", "PAYMENT", "pi_foreign"),
        ("UNKNOWN_HERE", "PAYMENT", "pi_word"),
        ("UNKNOWN_HERE", "REFUND", "re_foreign"),
        ("UNREADABLE", "PAYMENT", "pi_amount"),
        ("UNREADABLE", "PAYMENT", "pi_odd"),
    ]
    first = f"{LIST}/{(await differences(stripe))[0]['id']}/close"
    operator = stripe.play.browser().http
    closed = [(await operator.post(first, data={"reason": why})).status_code for why in ("", "the bank said so", "x")]

    assert found[1] == found[0]
    assert closed == [400, 204, 404]
    assert len(await differences(stripe)) == 5
    assert alerts.count(ALERT) == 1


async def test_what_the_vendor_does_not_have_and_other_amounts_are_listed_until_they_are_gone(
    stripe: AtStripe, kari: Player, alerts: list[str]
) -> None:
    first, second = await paid(kari, 10_000), await paid(kari, 20_000)
    await write(
        stripe,
        f"UPDATE payment SET amount_minor = 10001 WHERE id = '{first}'",
        f"UPDATE payment SET vendor_payment_id = 'pi_gone' WHERE id = '{second}'",
    )

    found = await reconcile(stripe)
    await write(
        stripe,
        f"UPDATE payment SET amount_minor = 10000 WHERE id = '{first}'",
        f"UPDATE payment SET vendor_payment_id = 'pi_000002' WHERE id = '{second}'",
    )

    assert found == [("ABSENT_THERE", "PAYMENT", "pi_gone"), ("AMOUNT", "PAYMENT", "pi_000001")]
    assert alerts.count(ALERT) == 1
    assert await reconcile(stripe) == []


async def test_a_payment_whose_creation_was_never_answered_is_found_and_ended(stripe: AtStripe, kari: Player) -> None:
    payment = (await create(kari))["payment"]["id"]
    await write(
        stripe,
        "UPDATE payment SET vendor_payment_id = NULL, client_secret = NULL, status = 'FAILED'",
        "DELETE FROM job",
    )

    assert await reconcile(stripe) == []
    await stripe.play.settle()
    assert (await stripe.vendor.ask("GET", "/cards/payment_intents/pi_000001"))["status"] == "canceled"
    assert (await card_payment(kari, payment))["status"] == "FAILED"


async def test_the_ledger_is_completed(stripe: AtStripe, kari: Player) -> None:
    payment = await paid(kari, 10_000)
    await refund(kari, payment, 1_000)
    await subscribe(kari)
    await stripe.play.settle()
    entries = "SELECT kind, vendor, vendor_object_id, amount_minor FROM ledger_entry ORDER BY kind, amount_minor"
    read = stripe.play.gateway.infrastructure.database.read_engine
    async with read.connect() as connection:
        before = (await connection.execute(text(entries))).all()
    await write(stripe, "DELETE FROM ledger_entry")

    await reconcile(stripe)

    async with read.connect() as connection:
        assert (await connection.execute(text(entries))).all() == before
    assert len(before) == 3


async def test_a_run_follows_an_outage(stripe: AtStripe, kari: Player) -> None:
    reconciliation = stripe.play.gateway.services.reconciliation
    guard = stripe.play.gateway.infrastructure.adapters.breakers["card_payments"]
    stripe.vendor.more["payment_intents"] = [FOREIGN]

    await reconciliation.look()
    guard.open_breaker(0.05)
    await reconciliation.look()
    while guard.is_away:
        pass
    await reconciliation.look()
    await stripe.play.settle()

    assert [one["vendorObjectId"] for one in await differences(stripe)] == ["pi_foreign"]


async def test_the_ledger_is_completed_by_what_came_back_and_by_a_plans_charge_that_was_given_back(
    stripe: AtStripe, kari: Player
) -> None:
    payment = await paid(kari, 10_000)
    await refund(kari, payment, 1_000)
    for decision in ("open", "lost"):
        await stripe.play.browser().http.post("/sandbox/cards/disputes/pi_000001", data={"decision": decision})
        await stripe.play.settle()
    await subscribe(kari)
    await stripe.play.settle()
    stripe.vendor.words["dispute"] = "won"
    await write(
        stripe,
        "UPDATE refund SET status = 'FAILED'",
        "UPDATE dispute SET status = 'WON'",
        "UPDATE plan_invoice SET status = 'REFUNDED'",
    )

    await reconcile(stripe)

    async with stripe.play.gateway.infrastructure.database.read_engine.connect() as connection:
        query = text("SELECT kind FROM ledger_entry WHERE plan_invoice_id IS NULL ORDER BY kind")
        of_payment = (await connection.execute(query)).scalars().all()
        query = text("SELECT kind FROM ledger_entry WHERE plan_invoice_id IS NOT NULL ORDER BY kind")
        of_plan = (await connection.execute(query)).scalars().all()
    assert of_payment == ["CHARGED", "DISPUTED", "DISPUTE_REVERSED", "REFUNDED", "REFUND_REVERSED"]
    assert of_plan == ["CHARGED", "REFUNDED"]


async def test_a_new_difference_alerts_behind_any_number_of_told_ones_and_is_counted(
    stripe: AtStripe, kari: Player, alerts: list[str]
) -> None:
    row = (
        "INSERT INTO difference (id, vendor, object_kind, reference, kind, found_at, told_at) VALUES "
        "(:id, 'stripe', 'PAYMENT', :reference, 'UNKNOWN_HERE', :at, :at)"
    )
    told = [{"id": f"dif_0{n:04}", "reference": f"pi_told{n}", "at": NOON} for n in range(500)]
    async with stripe.play.gateway.infrastructure.database.write_engine.begin() as connection:
        typed = text(row).bindparams(bindparam("at", type_=DateTime(timezone=True)))
        await connection.execute(typed, told)
    stripe.vendor.more["payment_intents"] = [FOREIGN]

    await reconcile(stripe)

    assert alerts.count(ALERT) == 1
    figures = (await stripe.play.browser().http.get("/metrics")).text
    assert 'drop_differences_open{kind="UNKNOWN_HERE"} 501.0' in figures


async def test_a_run_follows_a_banks_outage(stripe: AtStripe, kari: Player) -> None:
    reconciliation = stripe.play.gateway.services.reconciliation
    guard = stripe.play.gateway.infrastructure.adapters.guards["open_banking:mock"]
    stripe.vendor.more["payment_intents"] = [FOREIGN]

    await reconciliation.look()
    guard.open_breaker(0.05, "bank_dnb")
    await reconciliation.look()
    while guard.open_by_bank["bank_dnb"]:
        pass
    await reconciliation.look()
    await stripe.play.settle()

    assert [one["vendorObjectId"] for one in await differences(stripe)] == ["pi_foreign"]


@pytest.mark.parametrize("status", ["EXPIRED", "CANCELLED", "FAILED"])
async def test_what_has_ended_here_is_ended_at_the_vendor_though_its_jobs_are_lost(
    stripe: AtStripe, kari: Player, status: str
) -> None:
    await create(kari)
    await write(stripe, f"UPDATE payment SET status = '{status}'", "DELETE FROM job")

    await reconcile(stripe)

    assert (await stripe.vendor.ask("GET", "/cards/payment_intents/pi_000001"))["status"] == "canceled"
