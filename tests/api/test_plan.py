"""Plans: subscribing, renewals with their invoices, failed renewals, the end and going on."""

from typing import Any

import httpx
import pytest
import stamina
from sqlalchemy import text

from tests.builders.cards import CHALLENGED, DECLINED, VISA, charges, key, plan_of, subscribe
from tests.builders.gateway import Play, Player, nodes, query_of
from tests.builders.line import Line

CANCEL = """mutation($now: Boolean!) { cancelPlanSubscription(input: {atPeriodEnd: $now}) {
  planSubscription { status cancelAtPeriodEnd endedBecause } userErrors { code } } }"""
RESUME = """mutation { resumePlanSubscription {
  planSubscription { status cancelAtPeriodEnd } userErrors { code } } }"""
LAPSING = "pm_card_chargeCustomerFail"


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def cancel(player: Player, *, at_period_end: bool) -> dict[str, Any]:
    payload: dict[str, Any] = (await player.ask(CANCEL, now=at_period_end))["cancelPlanSubscription"]
    return payload


async def test_plans_are_listed_with_their_prices(play: Play) -> None:
    plans = (await play.browser().ask("{ plans { id name interval price { amountMinor currency } } }"))["plans"]

    assert plans[0] == {
        "id": "plan_plus",
        "name": "Drop Plus",
        "interval": "MONTH",
        "price": {"amountMinor": "4900", "currency": "NOK"},
    }


async def test_a_plan_begins_renews_and_bills_each_month(play: Play) -> None:
    kari = await play.approved()

    begun = (await subscribe(kari))["planSubscription"]
    assert (begun["status"], begun["currentPeriodEnd"]) == ("ACTIVE", "2026-12-24T12:00:03.000Z")
    await play.advance(days=70)

    plan = await plan_of(kari)
    assert plan is not None
    assert (plan["status"], plan["currentPeriodEnd"]) == ("ACTIVE", "2027-02-24T12:00:03.000Z")
    assert [invoice["status"] for invoice in nodes(plan["invoices"])] == ["PAID"] * 3
    assert [charge["amount"] for charge in await charges(play)] == [4_900] * 3


async def test_a_plan_of_the_31st_keeps_its_day_beyond_a_shorter_month(play: Play) -> None:
    kari = await play.approved()
    await play.advance(days=37)

    ends = [(await subscribe(kari))["planSubscription"]["currentPeriodEnd"]]
    for _ in range(3):
        await play.advance(days=31)
        plan = await plan_of(kari)
        assert plan is not None
        ends.append(plan["currentPeriodEnd"])

    assert [end[:10] for end in ends] == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]


async def test_a_declined_card_begins_nothing_and_another_does(play: Play) -> None:
    kari = await play.approved()

    declined = (await subscribe(kari, DECLINED))["planSubscription"]
    assert (declined["status"], declined["failure"]["code"]) == ("ENDED", "CARD_DECLINED")
    assert await plan_of(kari) is None
    assert (await subscribe(kari))["planSubscription"]["status"] == "ACTIVE"


@pytest.mark.parametrize(("decision", "status"), [("approve", "ACTIVE"), ("refuse", None)])
async def test_the_first_payment_may_want_3d_secure(play: Play, decision: str, status: str | None) -> None:
    kari = await play.approved()

    waiting = (await subscribe(kari, CHALLENGED))["planSubscription"]
    assert waiting["status"] == "INCOMPLETE"
    back = await kari.press(waiting["authorisationUrl"], decision)
    await play.settle()

    assert query_of(str(back.url)) == {"plan": waiting["id"], "outcome": f"{decision}d"}
    plan = await plan_of(kari)
    assert (plan["status"] if plan else None) == status
    assert len(await charges(play)) == (1 if status else 0)


async def test_a_first_payment_that_nobody_approves_ends_it(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari, CHALLENGED)

    await play.advance(hours=24)

    assert await plan_of(kari) is None
    assert await charges(play) == []


async def test_failed_renewals_are_tried_again_and_then_the_plan_ends(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari, LAPSING)

    await play.advance(days=31)
    past_due = await plan_of(kari)
    assert past_due is not None
    assert (past_due["status"], past_due["failure"]["code"]) == ("PAST_DUE", "CARD_DECLINED")
    assert [invoice["status"] for invoice in nodes(past_due["invoices"])] == ["OPEN", "PAID"]
    await play.advance(days=10)

    assert await plan_of(kari) is None
    assert len(await charges(play)) == 1


async def test_a_plan_ends_with_its_period_unless_it_is_resumed(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari)

    assert (await cancel(kari, at_period_end=True))["planSubscription"] == {
        "status": "ACTIVE",
        "cancelAtPeriodEnd": True,
        "endedBecause": None,
    }
    resumed = (await kari.ask(RESUME))["resumePlanSubscription"]
    assert resumed["planSubscription"] == {"status": "ACTIVE", "cancelAtPeriodEnd": False}
    await cancel(kari, at_period_end=True)
    await play.advance(days=31)

    assert await plan_of(kari) is None
    assert len(await charges(play)) == 1


async def test_a_plan_is_ended_now(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari)

    ended = (await cancel(kari, at_period_end=False))["planSubscription"]

    assert (ended["status"], ended["endedBecause"]) == ("ENDED", "CANCELLED")
    assert await plan_of(kari) is None


async def test_wrong_moments_and_wrong_input_are_refused(play: Play) -> None:
    kari, somebody = await play.approved(), await play.person("new")

    assert codes(await subscribe(kari, plan="plan_gold")) == ["NOT_FOUND"]
    assert codes(await subscribe(kari, "4242424242424242")) == ["INVALID_PAYMENT_METHOD"]
    assert codes(await subscribe(kari, "pm_card_unknown")) == ["INVALID_PAYMENT_METHOD"]
    assert codes(await subscribe(kari, returnTo="https://evil.example")) == ["INVALID_RETURN_TO"]
    assert codes(await subscribe(somebody)) == ["KYC_REQUIRED"]
    assert codes(await cancel(kari, at_period_end=True)) == ["NOT_FOUND"]
    assert codes((await kari.ask(RESUME))["resumePlanSubscription"]) == ["NOT_FOUND"]
    await subscribe(kari)
    assert codes(await subscribe(kari)) == ["INVALID_STATE"]
    assert codes((await kari.ask(RESUME))["resumePlanSubscription"]) == ["INVALID_STATE"]


async def test_the_same_key_subscribes_once(play: Play) -> None:
    kari = await play.approved()
    same = key()

    first = await subscribe(kari, idempotencyKey=same)
    again = await subscribe(kari, idempotencyKey=same)
    other = await subscribe(kari, plan="plan_premium", idempotencyKey=same)

    assert first["planSubscription"]["id"] == again["planSubscription"]["id"]
    assert codes(other) == ["IDEMPOTENCY_KEY_REUSED"]
    assert len(await charges(play)) == 1


async def test_an_answer_that_was_lost_is_found_and_charged_once(play: Play) -> None:
    kari = await play.approved()
    await play.settle()
    Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)

    created = (await subscribe(kari))["planSubscription"]
    assert created["status"] == "CREATED"
    await play.advance(seconds=60)

    plan = await plan_of(kari)
    assert plan is not None
    assert plan["status"] == "ACTIVE"
    assert len(await charges(play)) == 1


async def test_a_plan_that_was_made_and_could_not_be_read_again_goes_on(play: Play) -> None:
    kari = await play.approved()
    await play.settle()
    # The subscription is made by the first call, and three tries to read it fail.
    Line(play.gateway.sandbox).harm(at=2, before=httpx.ConnectError("gone"), times=3)

    with stamina.set_testing(True, attempts=3, cap=True):
        created = (await subscribe(kari))["planSubscription"]
    await play.advance(seconds=60)
    plan = await plan_of(kari)

    assert created["status"] == "CREATED"
    assert plan is not None
    assert plan["status"] == "ACTIVE"
    assert len(await charges(play)) == 1


async def test_a_declined_plan_that_cannot_be_ended_at_the_vendor_is_not_ended_here(play: Play) -> None:
    kari = await play.approved()
    await play.settle()
    # Made and read; its end, asked for since the card was declined, fails.
    Line(play.gateway.sandbox).harm(at=3, before=httpx.ConnectError("gone"), times=3)

    with stamina.set_testing(True, attempts=3, cap=True):
        declined = (await subscribe(kari, DECLINED))["planSubscription"]
    await play.advance(seconds=60)

    assert declined["status"] == "INCOMPLETE"
    assert await plan_of(kari) is None


async def test_where_nobody_listens_nothing_begins(play: Play) -> None:
    kari = await play.approved()
    await play.settle()
    line = Line(play.gateway.sandbox)
    line.cut()

    away = (await subscribe(kari))["planSubscription"]

    assert (away["status"], away["failure"]["code"]) == ("ENDED", "PROVIDER_UNAVAILABLE")


OF_PLAN = "SELECT status, watched_until, vendor_subscription_id FROM plan_subscription"


async def sql(play: Play, statement: str) -> list[tuple[Any, ...]]:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def ended_by_us(play: Play, kari: Player, method: str = VISA) -> dict[str, Any]:
    """A plan that was made, while its line said that the vendor was never reached: ended here, alive there."""
    await play.settle()
    Line(play.gateway.sandbox).harm(at=1, after=httpx.ConnectError("nobody listens"), times=3)
    ended: dict[str, Any] = (await subscribe(kari, method))["planSubscription"]
    assert (ended["status"], ended["failure"]["code"]) == ("ENDED", "PROVIDER_UNAVAILABLE")
    return ended


async def test_an_end_that_we_concluded_is_marked_and_watched_for_ten_banking_days(play: Play) -> None:
    kari = await play.approved()
    await play.settle()
    line = Line(play.gateway.sandbox)
    line.cut()
    ended = (await subscribe(kari))["planSubscription"]
    line.mend()

    asks = "SELECT count(*) FROM job WHERE kind = 'ask_plan_subscription'"
    await play.advance(days=10)
    watching = await sql(play, asks)
    await play.advance(days=10)

    assert (ended["status"], ended["isEndInferred"]) == ("ENDED", True)
    assert (watching, await sql(play, asks)) == ([(1,)], [(0,)])
    # The tenth banking day after 24 November.
    assert [str(until) for _, until, _ in await sql(play, OF_PLAN)] == ["2026-12-08"]


async def test_a_plan_that_is_alive_after_the_end_that_we_concluded_is_shown_and_told(
    play: Play, alerts: list[str]
) -> None:
    kari = await play.approved()
    ended = await ended_by_us(play, kari)

    await play.advance(seconds=61)

    plan = await plan_of(kari)
    assert plan is not None
    assert (plan["status"], plan["isEndInferred"], plan["version"] > ended["version"]) == ("ACTIVE", False, True)
    assert alerts.count("Plan alive after its inferred end") == 1
    listed = (await play.browser().http.get("/api/operator/reconciliation")).json()["differences"]
    assert [(one["ourId"], one["difference"], one["theirs"], one["ours"]) for one in listed] == [
        (ended["id"], "STATUS", "ACTIVE", "ENDED")
    ]
    assert len(await charges(play)) == 1


async def test_a_plan_that_waits_for_its_first_payment_after_the_end_that_we_concluded_is_ended_there(
    play: Play, alerts: list[str]
) -> None:
    kari = await play.approved()
    await ended_by_us(play, kari, CHALLENGED)

    await play.advance(seconds=61)

    ((status, watched_until, reference),) = await sql(play, OF_PLAN)
    at_vendor = (await play.gateway.sandbox.get(f"/cards/subscriptions/{reference}")).json()
    assert (status, watched_until, at_vendor["status"]) == ("ENDED", None, "canceled")
    assert "Plan alive after its inferred end" in alerts
    assert (await subscribe(kari))["planSubscription"]["status"] == "ACTIVE"


async def test_of_two_plans_the_one_that_we_took_for_ended_is_given_back(play: Play, alerts: list[str]) -> None:
    kari = await play.approved()
    await ended_by_us(play, kari)
    assert (await subscribe(kari, plan="plan_premium"))["planSubscription"]["status"] == "ACTIVE"

    await play.advance(seconds=61)

    plan = await plan_of(kari)
    assert plan is not None
    assert plan["plan"]["name"] == "Drop Premium"
    refunds = (await play.gateway.sandbox.get("/ledger")).json()["refunds"]
    assert [refund["amount"] for refund in refunds] == [4_900]
    assert {"Plan alive after its inferred end", "Plan billed after its end"} <= set(alerts)
