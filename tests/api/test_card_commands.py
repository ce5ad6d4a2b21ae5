"""A command to the card vendor whose outcome cannot be read: it is not known, never not done."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stamina

from sandbox import card_events
from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import card_payment, charges, create, plan_of, subscribe
from tests.builders.gateway import Player

TROUBLES = ["reads fail", "no answer", "our breaker opens"]
END = """mutation($input: CancelPlanSubscriptionInput!) { cancelPlanSubscription(input: $input) {
  planSubscription { status cancelAtPeriodEnd } userErrors { code } } }"""
RESUME = "mutation { resumePlanSubscription { planSubscription { status cancelAtPeriodEnd } userErrors { code } } }"
CANCEL = "mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { status } userErrors { code } } }"
DELETE = "mutation { deleteAccount(input: {confirm: true}) { deletedAt userErrors { code } } }"
_BREAKER = "card_payments:stripe"


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AtStripe]:
    """No webhook comes: only what was queued asks the vendor."""

    async def untold(*_: object) -> None:
        return None

    for way in ("send_later", "tell"):
        monkeypatch.setattr(card_events, way, untold)
    async with at_stripe(database_url, tmp_path) as running:
        yield running


@contextmanager
def trouble(stripe: AtStripe, kind: str) -> Iterator[None]:
    """Commands are carried out meanwhile, and what has become of them cannot be read."""
    guard = stripe.play.gateway.infrastructure.adapters.guards[_BREAKER]
    with stamina.set_testing(True, attempts=1):
        if kind == "our breaker opens":
            stripe.vendor.after_command = lambda: guard.open_breaker(30)
        else:
            stripe.vendor.silent = {"GET"} if kind == "reads fail" else {"POST", "DELETE"}
        yield
        stripe.vendor.silent, stripe.vendor.after_command = set(), None
        # The breaker's time is over: it goes by the machine's clock.
        guard._breaker._now = lambda: time.monotonic() + 31


async def end(player: Player, *, at_period_end: bool) -> dict[str, Any]:
    payload: dict[str, Any] = (await player.ask(END, input={"atPeriodEnd": at_period_end}))["cancelPlanSubscription"]
    return payload


@pytest.mark.parametrize("kind", TROUBLES)
@pytest.mark.parametrize("command", ["end", "end with the period", "resume"])
async def test_what_became_of_a_plan_is_asked_for_within_minutes(stripe: AtStripe, command: str, kind: str) -> None:
    kari = await stripe.approved()
    await subscribe(kari)
    if command == "resume":
        await end(kari, at_period_end=True)
    await stripe.advance(hours=2)  # what asks about a new plan waits for its renewal by now
    before = await plan_of(kari)
    assert before is not None

    with trouble(stripe, kind):
        if command == "resume":
            answered = (await kari.ask(RESUME))["resumePlanSubscription"]
        else:
            answered = await end(kari, at_period_end=command != "end")
    await stripe.advance(minutes=3)
    after = await plan_of(kari)

    stands = {name: before[name] for name in ("status", "cancelAtPeriodEnd")}
    assert answered == {"planSubscription": stands, "userErrors": []}
    if command == "end":
        assert after is None
    else:
        assert after is not None
        assert after["cancelAtPeriodEnd"] is (command != "resume")
    assert len(await charges(stripe.play)) == 1


async def test_a_command_that_was_never_sent_may_be_tried_again(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    await subscribe(kari)
    payment = (await create(kari))["payment"]["id"]
    stripe.play.gateway.infrastructure.adapters.guards[_BREAKER].open_breaker(30)

    refused = await end(kari, at_period_end=False)
    late = (await kari.ask(CANCEL, id=payment))["cancelPayment"]

    for answer in (refused, late):
        assert [error["code"] for error in answer["userErrors"]] == ["PROVIDER_UNAVAILABLE"]


async def test_a_payment_that_was_cancelled_unseen_is_asked_for(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    payment = (await create(kari))["payment"]["id"]
    await stripe.advance(hours=6)  # what asks about a new payment pauses for long by now

    with trouble(stripe, "no answer"):
        answered = (await kari.ask(CANCEL, id=payment))["cancelPayment"]
    await stripe.advance(minutes=3)

    assert answered == {"payment": {"status": "AUTHORISATION_REQUIRED"}, "userErrors": []}
    assert (await card_payment(kari, payment))["status"] == "CANCELLED"


@pytest.mark.parametrize("kind", TROUBLES)
async def test_nobody_leaves_while_it_is_not_known_whether_their_plan_has_ended(stripe: AtStripe, kind: str) -> None:
    kari = await stripe.approved()
    await subscribe(kari)

    with trouble(stripe, kind):
        refused = (await kari.ask(DELETE))["deleteAccount"]
    left = (await kari.ask(DELETE))["deleteAccount"]

    assert [error["code"] for error in refused["userErrors"]] == ["PROVIDER_UNAVAILABLE"]
    assert left["userErrors"] == []
