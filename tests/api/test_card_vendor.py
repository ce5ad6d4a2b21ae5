"""Card payments at Stripe: its words, which the sandbox does not use, as users see them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import card_payment, create, paid, plan_of, refund, subscribe
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


async def test_a_payment_that_is_disputed_twice_gives_back_no_more_than_the_rest(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = await paid(kari, 10_000)
    for told in ({"decision": "open", "amount": "3000"}, {"decision": "lost"}, {"decision": "open"}):
        await kari.http.post("/sandbox/cards/disputes/pi_000001", data=told)
        await stripe.play.settle()
    disputed = await card_payment(kari, payment)
    refused = await refund(kari, payment, 1_000)
    await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "won"})
    await stripe.play.settle()

    too_much = await refund(kari, payment, 7_001)
    rest = await refund(kari, payment)

    assert sorted(one["status"] for one in disputed["disputes"]) == ["LOST", "NEEDS_RESPONSE"]
    assert disputed["refundedAmount"] == {"amountMinor": "3000"}
    assert refused["userErrors"] and too_much["userErrors"]
    assert rest["refund"]["amount"] == {"amountMinor": "7000"}
    for one in disputed["disputes"]:
        node = (await kari.ask("query($id: ID!) { node(id: $id) { id ... on Dispute { reason } } }", id=one["id"]))[
            "node"
        ]
        assert node == {"id": one["id"], "reason": one["reason"]}


async def test_a_status_that_is_not_known_moves_nothing(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    stripe.vendor.words["payment_intent"] = "held_for_review"

    payment = (await create(kari))["payment"]
    await stripe.advance(minutes=5)
    waiting = await card_payment(kari, payment["id"])
    stripe.vendor.words.clear()
    await stripe.advance(minutes=30)

    assert (payment["status"], waiting["status"]) == ("CREATED", "CREATED")
    assert (await card_payment(kari, payment["id"]))["status"] == "AUTHORISATION_REQUIRED"


async def test_a_refund_whose_status_is_not_known_waits(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = await paid(kari, 10_000)
    stripe.vendor.words["refund"] = "held_for_review"

    given = (await refund(kari, payment, 4_000))["refund"]["status"]
    too_much = await refund(kari, payment, 6_001)
    await stripe.advance(hours=1)
    (waiting,) = nodes((await card_payment(kari, payment))["refunds"])
    stripe.vendor.words.clear()
    await stripe.advance(hours=12)

    (shown,) = nodes((await card_payment(kari, payment))["refunds"])
    assert (given, waiting["status"], shown["status"]) == ("PENDING", "PENDING", "SUCCEEDED")
    assert too_much["userErrors"]


async def test_what_has_succeeded_stays_so_when_its_status_is_not_known(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = await paid(kari, 10_000)
    await refund(kari, payment, 4_000)
    await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open", "amount": "3000"})
    await stripe.play.settle()
    before = await card_payment(kari, payment)
    stripe.vendor.words |= {"refund": "held_for_review", "dispute": "prevented", "payment_intent": "on_hold"}

    await stripe.tell("charge.updated", {"object": "charge", "id": "ch_1", "payment_intent": "pi_000001"})

    after = await card_payment(kari, payment)
    assert [one["status"] for one in after["disputes"]] == ["NEEDS_RESPONSE"]
    assert after == before


async def test_a_new_dispute_whose_status_is_not_known_is_open(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = await paid(kari, 10_000)
    stripe.vendor.words["dispute"] = "prevented"
    await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open", "amount": "3000"})
    await stripe.play.settle()

    refused = await refund(kari, payment, 1_000)

    assert [one["status"] for one in (await card_payment(kari, payment))["disputes"]] == ["UNDER_REVIEW"]
    assert refused["userErrors"]


async def test_a_plan_and_an_invoice_whose_status_is_not_known_stay(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    await subscribe(kari)
    before = await plan_of(kari)
    stripe.vendor.words |= {"subscription": "suspended", "invoice": "deferred"}

    await stripe.advance(days=32)
    waiting = await plan_of(kari)
    stripe.vendor.words.clear()
    await stripe.advance(days=2)

    assert waiting == before
    plan = await plan_of(kari)
    assert plan is not None
    assert (plan["status"], [invoice["status"] for invoice in nodes(plan["invoices"])]) == ("ACTIVE", ["PAID", "PAID"])


async def test_the_money_of_a_lost_dispute_may_come_back(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = await paid(kari, 10_000)
    shown = []
    for told in ("open", "lost", "won"):
        await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": told})
        await stripe.play.settle()
        now = await card_payment(kari, payment)
        shown.append((now["disputes"][0]["status"], now["refundedAmount"]["amountMinor"]))

    assert shown == [("NEEDS_RESPONSE", "0"), ("LOST", "10000"), ("WON", "0")]
    assert (await refund(kari, payment))["refund"]["amount"] == {"amountMinor": "10000"}


async def test_a_dispute_that_was_won_may_be_lost_but_not_twice(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await stripe.approved()
        payment = await paid(kari, 10_000)
        await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
        shown = []
        for told in ("won", "lost", "won", "lost"):
            stripe.vendor.words["dispute"] = told
            about = {"object": "dispute", "id": "dp_000001", "payment_intent": "pi_000001", "status": told}
            await stripe.tell("charge.dispute.updated", about)
            now = await card_payment(kari, payment)
            shown.append((now["disputes"][0]["status"], now["refundedAmount"]["amountMinor"]))

    assert shown == [("WON", "0"), ("LOST", "10000"), ("WON", "0"), ("WON", "0")]
    assert capsys.readouterr().err.count("Dispute lost again") == 1


async def test_a_refund_that_was_taken_for_refused_is_what_the_vendor_has(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await stripe.approved()
        payment = await paid(kari, 10_000)
        made = (await refund(kari, payment, 4_000))["refund"]["id"]
        forget = "UPDATE refund SET status = 'FAILED', failure_code = 'NOT_ACCEPTED', vendor_refund_id = NULL"
        async with stripe.play.gateway.infrastructure.database.write_engine.begin() as connection:
            await connection.execute(text(forget))

        await stripe.tell("payment_intent.created", {"object": "payment_intent", "id": "pi_000001", "metadata": {}})

        now = await card_payment(kari, payment)
        assert [(one["id"], one["status"], one["failure"]) for one in nodes(now["refunds"])] == [
            (made, "SUCCEEDED", None)
        ]
        assert now["refundedAmount"] == {"amountMinor": "4000"}
    assert "Refund made after its end" in capsys.readouterr().err


async def test_what_a_slow_method_carries_out_for_days_is_not_cancelled(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = (await create(kari))["payment"]["id"]
    stripe.vendor.words["payment_intent"] = "processing"

    await stripe.advance(days=3)

    (intent,) = stripe.vendor.intents
    at_vendor = await stripe.vendor.ask("GET", f"/cards/payment_intents/{intent}")
    assert ((await card_payment(kari, payment))["status"], at_vendor["status"]) == (
        "PROCESSING",
        "requires_payment_method",
    )


async def test_what_a_slow_method_did_not_carry_out_expires(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = (await create(kari))["payment"]["id"]
    stripe.vendor.words["payment_intent"] = "processing"
    await stripe.advance(days=3)

    del stripe.vendor.words["payment_intent"]
    await stripe.advance(hours=12)

    assert (await card_payment(kari, payment))["status"] == "EXPIRED"
