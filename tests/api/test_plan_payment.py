"""A plan whose card no longer pays is saved by another, at Stripe and at the sandbox alike."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import CHALLENGED, DECLINED, charges, key, pay_plan, plan_of, subscribe
from tests.builders.gateway import Play, Player, nodes, query_of
from tests.builders.line import Line

CHALLENGED_ALWAYS, LAPSING = "pm_card_authenticationRequired", "pm_card_chargeCustomerFail"


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, tmp_path) as running:
        yield running


async def open_plan(player: Player) -> dict[str, Any]:
    plan = await plan_of(player)
    assert plan is not None
    return plan


async def overdue(stripe: AtStripe) -> Player:
    """Somebody whose renewal was declined."""
    kari = await stripe.approved()
    await subscribe(kari, LAPSING)
    await stripe.advance(days=31)
    assert (await open_plan(kari))["status"] == "PAST_DUE"
    return kari


async def test_a_renewal_that_was_declined_tells_why(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    begun = (await subscribe(kari, LAPSING))["planSubscription"]

    await stripe.advance(days=31)
    plan = await open_plan(kari)

    assert (plan["status"], plan["failure"], plan["authorisationUrl"]) == ("PAST_DUE", {"code": "CARD_DECLINED"}, None)
    assert [invoice["status"] for invoice in nodes(plan["invoices"])] == ["OPEN", "PAID"]
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


async def test_an_overdue_plan_is_paid_by_another_card_once_and_so_are_its_renewals(stripe: AtStripe) -> None:
    kari, same = await overdue(stripe), key()

    saved = await pay_plan(kari, idempotencyKey=same)
    again = await pay_plan(kari, idempotencyKey=same)
    other = await pay_plan(kari, "pm_card_mastercard", idempotencyKey=same)
    await stripe.advance(minutes=5)
    now = await open_plan(kari)
    charged = len(await charges(stripe.play))
    await stripe.advance(days=31)
    later = await open_plan(kari)

    assert saved["userErrors"] == []
    assert (saved["planSubscription"]["status"], saved["planSubscription"]["failure"]) == ("ACTIVE", None)
    assert again == saved
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert [invoice["status"] for invoice in nodes(now["invoices"])] == ["PAID", "PAID"]
    assert charged == 2
    assert (later["status"], len(await charges(stripe.play))) == ("ACTIVE", 3)


async def test_another_card_may_want_3d_secure_and_leads_back(stripe: AtStripe) -> None:
    kari = await overdue(stripe)

    waiting = (await pay_plan(kari, CHALLENGED))["planSubscription"]
    back = await kari.press(waiting["authorisationUrl"], "approve")
    await stripe.play.settle()

    assert (waiting["status"], waiting["failure"]) == ("PAST_DUE", None)
    assert query_of(str(back.url)) == {"plan": waiting["id"], "outcome": "approved"}
    assert (await open_plan(kari))["status"] == "ACTIVE"
    assert len(await charges(stripe.play)) == 2


async def test_a_card_that_does_not_pay_leaves_the_plan_overdue(stripe: AtStripe) -> None:
    kari = await overdue(stripe)

    declined = await pay_plan(kari, DECLINED)
    unknown = await pay_plan(kari, "pm_card_unknown")
    lapsing = (await pay_plan(kari, LAPSING))["planSubscription"]

    for refused in (declined, unknown):
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [
            ("INVALID_PAYMENT_METHOD", ["input", "paymentMethod"])
        ]
    assert "avvist" in declined["userErrors"][0]["message"]
    assert (lapsing["status"], lapsing["failure"]) == ("PAST_DUE", {"code": "CARD_DECLINED"})
    assert len(await charges(stripe.play)) == 1


async def test_a_running_plan_takes_another_card_for_its_renewals(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    nothing = await pay_plan(kari)
    await subscribe(kari, LAPSING)

    changed = await pay_plan(kari)
    await stripe.advance(days=31)

    assert [error["code"] for error in nothing["userErrors"]] == ["NOT_FOUND"]
    assert changed["planSubscription"]["status"] == "ACTIVE"
    assert (await open_plan(kari))["status"] == "ACTIVE"
    assert len(await charges(stripe.play)) == 2


async def test_an_answer_that_was_lost_is_asked_for_again_and_charged_once(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari, LAPSING)
    await play.advance(days=31)
    Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)

    unknown = (await pay_plan(kari))["planSubscription"]
    await play.advance(seconds=61)

    assert unknown["status"] == "PAST_DUE"
    assert (await open_plan(kari))["status"] == "ACTIVE"
    assert len(await charges(play)) == 2


async def ended_here(stripe: AtStripe) -> Player:
    """Somebody whose plan the vendor showed as ended once, and bills for ever."""
    kari = await stripe.approved()
    await subscribe(kari)
    stripe.vendor.denied = {f"sub_{intent}" for intent in stripe.vendor.subscriptions}
    await stripe.advance(days=31)
    assert await plan_of(kari) is None
    stripe.vendor.denied = set()
    return kari


async def test_a_plan_that_is_billed_after_its_end_is_shown_again_and_can_be_cancelled(stripe: AtStripe) -> None:
    kari = await ended_here(stripe)

    await stripe.advance(days=31)
    shown = await open_plan(kari)
    await kari.ask("mutation { cancelPlanSubscription(input: {atPeriodEnd: false}) { userErrors { code } } }")
    charged = len(await charges(stripe.play))
    await stripe.advance(days=62)

    assert (shown["status"], shown["endedBecause"]) == ("ACTIVE", None)
    assert len(nodes(shown["invoices"])) == 3
    assert await plan_of(kari) is None
    assert len(await charges(stripe.play)) == charged == 3


async def test_a_plan_that_is_billed_after_its_end_is_cancelled_where_there_is_another(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await ended_here(stripe)
        other = (await subscribe(kari, plan="plan_plus_yearly"))["planSubscription"]

        await stripe.advance(days=31)
        charged = len(await charges(stripe.play))
        await stripe.advance(days=62)

        assert (other["status"], (await open_plan(kari))["plan"]["name"]) == ("ACTIVE", "Drop Plus, a year")
        assert len(await charges(stripe.play)) == charged == 4
        # Two were paid when the plan ended here, the third is the other plan's.
        refunds = (await stripe.play.gateway.sandbox.get("/ledger")).json()["refunds"]
        assert sorted(refund["amount"] for refund in refunds) == [4_900] * len(refunds)
        assert {refund["metadata"]["invoice"] for refund in refunds} == {"in_000004"}
        async with stripe.play.gateway.infrastructure.database.read_engine.connect() as connection:
            query = "SELECT vendor_invoice_id FROM plan_invoice WHERE status = 'REFUNDED'"
            assert (await connection.execute(text(query))).scalars().all() == ["in_000004"]
            told = text("SELECT count(*) FROM notification WHERE template = 'plan_charge_refunded'")
            assert (await connection.execute(told)).scalar_one() == 1
    assert "Plan billed after its end" in capsys.readouterr().err


async def test_a_plan_that_is_billed_after_its_user_has_left_is_cancelled_and_given_back(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await ended_here(stripe)
        engine = stripe.play.gateway.infrastructure.database.read_engine
        mails = text("SELECT count(*) FROM notification")
        left = await kari.ask("mutation { deleteAccount(input: {confirm: true}) { userErrors { code } } }")
        assert left["deleteAccount"]["userErrors"] == []
        await stripe.play.settle()
        async with engine.connect() as connection:
            before = (await connection.execute(mails)).scalar_one()

        await stripe.advance(days=31)
        charged = len(await charges(stripe.play))
        await stripe.advance(days=62)

        assert len(await charges(stripe.play)) == charged == 3
        refunds = (await stripe.play.gateway.sandbox.get("/ledger")).json()["refunds"]
        assert [(refund["amount"], refund["metadata"]["invoice"]) for refund in refunds] == [(4_900, "in_000003")]
        async with engine.connect() as connection:
            query = "SELECT vendor_invoice_id FROM plan_invoice WHERE status = 'REFUNDED'"
            assert (await connection.execute(text(query))).scalars().all() == ["in_000003"]
            assert (await connection.execute(mails)).scalar_one() <= before
            assert (await connection.execute(text("SELECT status FROM plan_subscription"))).scalars().all() == ["ENDED"]
    assert "Plan billed after its end" in capsys.readouterr().err


async def test_a_charge_after_the_end_waits_for_our_funds_and_is_given_back_once(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await ended_here(stripe)
        await subscribe(kari, plan="plan_plus_yearly")
        stripe.vendor.short_of_funds = "refused"

        await stripe.advance(days=31)
        waiting = await given_back(stripe)
        async with stripe.play.gateway.infrastructure.database.read_engine.connect() as connection:
            chains = text("SELECT row_id FROM job WHERE kind = 'give_back_plan_charge'")
            assert (await connection.execute(chains)).scalars().all() == ["in_000004"]
        stripe.vendor.short_of_funds = None
        await stripe.advance(hours=7)

        assert (waiting, await given_back(stripe)) == (([], [], 0), (["in_000004"], ["in_000004"], 1))
    said = capsys.readouterr().err
    assert "Refund lacks funds" in said
    assert "Plan's charge not given back" not in said


async def given_back(stripe: AtStripe) -> tuple[list[str], list[str], int]:
    """The invoices that the vendor has given back, those that are shown so, and how many users were told."""
    refunds = (await stripe.play.gateway.sandbox.get("/ledger")).json()["refunds"]
    shown = text("SELECT vendor_invoice_id FROM plan_invoice WHERE status = 'REFUNDED'")
    told = text("SELECT count(*) FROM notification WHERE template = 'plan_charge_refunded'")
    async with stripe.play.gateway.infrastructure.database.read_engine.connect() as connection:
        invoices = (await connection.execute(shown)).scalars().all()
        count = (await connection.execute(told)).scalar_one()
    return [refund["metadata"]["invoice"] for refund in refunds], [*invoices], count


INVOICES = "{ viewer { plan { invoices { edges { node { status periodStart periodEnd } } } } } }"


@pytest.mark.parametrize(
    ("status", "shown"),
    [("open", "OPEN"), ("paid", "PAID"), ("uncollectible", "UNCOLLECTIBLE"), ("void", "VOID"), ("of tomorrow", "OPEN")],
)
async def test_an_invoice_is_read_again_when_its_intent_has_moved(stripe: AtStripe, status: str, shown: str) -> None:
    kari = await overdue(stripe)

    stripe.vendor.odd_invoice = {"status": status}
    about = {"id": "pi_of_invoice", "object": "payment_intent", "invoice": "in_000002", "metadata": {}}
    await stripe.tell("payment_intent.canceled", about)

    # What is paid stays so, whatever an older answer says.
    assert [invoice["status"] for invoice in nodes((await open_plan(kari))["invoices"])] == [shown, "PAID"]


async def periods(player: Player) -> list[dict[str, Any]]:
    return nodes((await player.ask(INVOICES))["viewer"]["plan"]["invoices"])


@pytest.mark.parametrize("lines", [[], [{"proration": True}, {"proration": False}]])
async def test_odd_lines_leave_an_invoice_with_its_period(stripe: AtStripe, lines: list[dict[str, Any]]) -> None:
    kari = await stripe.approved()
    start = int(stripe.clock.at.timestamp())
    month, day = {"start": start, "end": start + 30 * 86_400}, {"start": start - 86_400, "end": start}
    shown = [{**line, "period": day if line["proration"] else month} for line in lines]
    stripe.vendor.odd_invoice = {
        "lines": {"data": shown},
        "period_start": month["start"],
        "period_end": month["end"],
    }

    await subscribe(kari)
    (invoice,) = await periods(kari)

    assert invoice["status"] == "PAID"
    length = datetime.fromisoformat(invoice["periodEnd"]) - datetime.fromisoformat(invoice["periodStart"])
    assert length == timedelta(days=30)
