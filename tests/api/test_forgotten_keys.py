"""Commands whose answers were lost before an outage of 30 hours: the card vendor has forgotten their keys by then."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import stamina

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import card_payment, charges, create, paid, plan_of, refund, subscribe
from tests.builders.gateway import nodes

_BREAKER = "card_payments:stripe"


@asynccontextmanager
async def cut_for_30_hours(stripe: AtStripe) -> AsyncIterator[None]:
    """What is asked for meanwhile is carried out, and its answer lost; then the vendor is away."""
    guard = stripe.play.gateway.infrastructure.adapters.guards[_BREAKER]
    with stamina.set_testing(True, attempts=1):
        stripe.vendor.loses_answers = True
        yield
        stripe.vendor.loses_answers, stripe.vendor.is_away = False, True
        stripe.clock.at += timedelta(hours=30)
        await stripe.play.settle()
        stripe.vendor.is_away = False
        # The breaker's time is over: it goes by the machine's clock.
        guard._breaker._now = lambda: time.monotonic() + 31
        await stripe.advance(hours=2)


async def test_what_was_asked_for_before_an_outage_is_there_once(database_url: str, tmp_path: Path) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await stripe.approved()
        payment = await paid(kari, 10_000)

        async with cut_for_30_hours(stripe):
            await refund(kari, payment, 4_000)
            unpaid = (await create(kari))["payment"]["id"]
            await subscribe(kari)
            await stripe.play.person("ola")

        (shown,) = nodes((await card_payment(kari, payment))["refunds"])
        assert shown["status"] == "SUCCEEDED"
        made = (await stripe.play.gateway.sandbox.get("/ledger")).json()["refunds"]
        assert [one["amount"] for one in made] == [4_000]
        # Nobody has paid it within a day. Its end reaches the vendor, so it was found there.
        assert (await card_payment(kari, unpaid))["status"] == "EXPIRED"
        newest, _ = stripe.vendor.intents
        assert (await stripe.vendor.read_intent({}, "", newest))["status"] == "canceled"
        plan = await plan_of(kari)
        assert plan is not None
        assert plan["status"] == "ACTIVE"
        assert len([*stripe.vendor.waiting, *stripe.vendor.subscriptions]) == 1
        assert sorted(one["amount"] for one in await charges(stripe.play)) == [4_900, 10_000]
        assert len({one["name"] for one, _ in stripe.vendor.customers}) == len(stripe.vendor.customers) == 2
