"""Commands under idempotency keys: whatever the vendor has forgotten or repeats, each is carried out once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest

from domain.errors import InDoubt, Unavailable
from domain.ids import PlanSubscriptionId, UserId
from domain.plan import PLANS, PlanPayment
from providers.calling.guard import Guard
from providers.card_issuing import mock as mock_issuing
from providers.card_issuing import stripe as stripe_issuing
from providers.card_issuing.port import CardIssuing
from providers.card_payments import mock, stripe
from providers.card_payments.port import CardPaymentsProvider
from providers.stripe_sdk import Stripe
from tests.builders.sandbox import STRIPE_SECRET, Sandbox
from tests.contract.conftest import NOON
from tests.contract.test_card_issuing import a_card, a_cardholder
from tests.contract.test_card_payments import (
    CALLBACK,
    KARI,
    VISA,
    AtVendor,
    a_card_payment,
    a_refund,
    a_subscription,
)
from tests.vendors import stripe as face


@dataclass
class Cards:
    """The card vendor and the issuer, and what a command needs that was made before."""

    payments: CardPaymentsProvider
    issuing: CardIssuing
    sandbox: Sandbox
    customer: str = ""
    paid: str = ""
    holder: str = ""

    async def prepare(self, name: str) -> None:
        at_vendor = AtVendor(self.payments, self.sandbox)
        if name == "refund":
            self.paid = (await at_vendor.confirmed()).reference
        elif name in ("intent", "subscription"):
            self.customer = await self.payments.create_customer(KARI, "Kari", NOON)
        elif name == "card":
            self.holder = await self.issuing.create_cardholder(a_cardholder(), email=None, phone=None)

    async def count(self, name: str) -> int:
        """How many objects the vendor has that bear our id."""
        by, value = OURS[name]
        answer = await self.sandbox.http.get(f"/cards/search/{name}", params={"name": by, "value": value})
        return len(answer.json()["data"])


OURS: Mapping[str, tuple[str, str]] = {
    "customer": ("userId", KARI),
    "intent": ("orderId", "pay_1"),
    "refund": ("refundId", "ref_1"),
    "subscription": ("planSubscriptionId", "psub_1"),
    "cardholder": ("cardholderId", "chd_1"),
    "card": ("cardId", "crd_VIRTUAL"),
}


async def _customer(cards: Cards) -> str:
    return await cards.payments.create_customer(KARI, "Kari", NOON)


async def _intent(cards: Cards) -> str:
    return (await cards.payments.create(a_card_payment(), cards.customer)).reference


async def _refund(cards: Cards) -> str:
    return str((await cards.payments.refund(cards.paid, a_refund(1, 2_500))).reference)


async def _subscription(cards: Cards) -> str:
    plan = PLANS["plan_plus"]
    made = await cards.payments.create_subscription(a_subscription(), plan, cards.customer, VISA, CALLBACK)
    assert made.terms is not None and made.terms.status == "ACTIVE"
    return made.reference


async def _cardholder(cards: Cards) -> str:
    return await cards.issuing.create_cardholder(a_cardholder(), email="kari@example.no", phone=None)


async def _card(cards: Cards) -> str:
    return (await cards.issuing.issue(a_card(), a_cardholder(reference=cards.holder))).reference


COMMANDS: Mapping[str, Callable[[Cards], Awaitable[str]]] = {
    "customer": _customer,
    "intent": _intent,
    "refund": _refund,
    "subscription": _subscription,
    "cardholder": _cardholder,
    "card": _card,
}


@pytest.fixture
def vendor(sandbox: Sandbox) -> face.Stripe:
    return face.Stripe(sandbox.inner, sandbox.clock)


@pytest.fixture
def at_stripe(sandbox: Sandbox, vendor: face.Stripe) -> Cards:
    http = sandbox.outside(face.app(vendor))

    def client(port: str, declared: object) -> Stripe:
        guard = Guard(port, declared.RESILIENCE, declared.RETRIED)  # type: ignore[attr-defined]  # a module
        return Stripe(http, guard, api_key=face.API_KEY, base_url="https://stripe.example")

    payments = stripe.StripeCardPayments(
        client("card_payments", stripe), webhook_secret=STRIPE_SECRET, prices=face.PRICES, clock=sandbox.clock
    )
    issuing = stripe_issuing.StripeCardIssuing(client("card_issuing", stripe_issuing), clock=sandbox.clock)
    return Cards(payments, issuing, sandbox)


@pytest.fixture(params=["mock", "stripe"])
def cards(sandbox: Sandbox, request: pytest.FixtureRequest) -> Cards:
    if request.param == "stripe":
        found: Cards = request.getfixturevalue("at_stripe")
        return found
    payments = mock.MockCardPayments(
        sandbox.client("card_payments", mock), webhook_secret=STRIPE_SECRET, clock=sandbox.clock
    )
    issuing = mock_issuing.MockCardIssuing(sandbox.client("card_issuing", mock_issuing), clock=sandbox.clock)
    return Cards(payments, issuing, sandbox)


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_whose_answer_was_lost_is_carried_out_once_after_30_hours(cards: Cards, name: str) -> None:
    await cards.prepare(name)
    cards.sandbox.line.harm(at=1, after=httpx.ReadTimeout("the answer was lost"), times=9)
    with pytest.raises((InDoubt, Unavailable)):
        await COMMANDS[name](cards)
    cards.sandbox.line.mend()
    await cards.sandbox.advance(hours=30)

    made = await COMMANDS[name](cards)
    await cards.sandbox.advance(hours=30)

    assert await COMMANDS[name](cards) == made
    assert await cards.count(name) == 1


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_that_never_left_is_carried_out_once_after_30_hours(cards: Cards, name: str) -> None:
    await cards.prepare(name)
    cards.sandbox.line.cut()
    with pytest.raises(Unavailable):
        await COMMANDS[name](cards)
    cards.sandbox.line.mend()
    await cards.sandbox.advance(hours=30)

    made = await COMMANDS[name](cards)

    assert await COMMANDS[name](cards) == made
    assert await cards.count(name) == 1


@pytest.mark.parametrize("hours", [0, 30])
@pytest.mark.parametrize("is_carried_out", [True, False])
@pytest.mark.parametrize("name", COMMANDS)
async def test_a_failure_that_stripe_repeats_is_looked_behind(
    vendor: face.Stripe, at_stripe: Cards, name: str, is_carried_out: bool, hours: int
) -> None:
    await at_stripe.prepare(name)
    await at_stripe.sandbox.advance(hours=hours)
    vendor.breaks = {"": is_carried_out}

    made = await COMMANDS[name](at_stripe)

    assert vendor.breaks == {}
    assert await COMMANDS[name](at_stripe) == made
    assert await at_stripe.count(name) == 1


@pytest.mark.parametrize("is_carried_out", [True, False])
async def test_a_failed_charge_that_stripe_repeats_is_looked_behind(
    vendor: face.Stripe, at_stripe: Cards, is_carried_out: bool
) -> None:
    vendor.breaks = {"/confirm": is_carried_out}
    at_vendor = AtVendor(at_stripe.payments, at_stripe.sandbox)

    paid = await at_vendor.confirmed()

    assert vendor.breaks == {}
    assert (paid.status, await at_vendor.charged()) == ("SETTLED", [12_500])


@pytest.mark.parametrize("is_carried_out", [True, False])
@pytest.mark.parametrize("end", ["/attach", "/refunds", ""])
async def test_failures_around_a_plan_that_stripe_repeats_stop_nothing(
    vendor: face.Stripe, at_stripe: Cards, end: str, is_carried_out: bool
) -> None:
    at_vendor = AtVendor(at_stripe.payments, at_stripe.sandbox)
    plan = await at_vendor.subscribed()
    customer = await at_stripe.payments.create_customer(KARI, "Kari Nordmann", NOON)
    vendor.breaks = {end or plan.reference: is_carried_out}

    payment = PlanPayment("pm_card_mastercard", CALLBACK, "s" * 40)
    changed = await at_stripe.payments.change_payment_method(
        plan.reference, customer, PlanSubscriptionId("psub_1"), payment
    )
    back = await at_stripe.payments.refund_invoice(plan.invoices[0].reference)

    assert vendor.breaks == {}
    assert changed.terms is not None
    assert (changed.terms.status, back.status) == ("ACTIVE", "SUCCEEDED")


@pytest.mark.parametrize("shown", ["refused", "failed"])
async def test_a_plans_charge_is_given_back_once_our_funds_cover_it(
    vendor: face.Stripe, at_stripe: Cards, shown: str
) -> None:
    plan = await AtVendor(at_stripe.payments, at_stripe.sandbox).subscribed()
    vendor.short_of_funds = shown

    lacking = [await at_stripe.payments.refund_invoice(plan.invoices[0].reference) for _ in range(3)]
    vendor.short_of_funds = None
    back = [await at_stripe.payments.refund_invoice(plan.invoices[0].reference) for _ in range(2)]

    assert all(state.lacks_funds or state.status == "PENDING" for state in lacking)
    assert [state.status for state in back] == ["SUCCEEDED", "SUCCEEDED"]
    made = (await at_stripe.sandbox.http.get("/ledger")).json()["refunds"]
    assert [one["metadata"]["invoice"] for one in made] == [plan.invoices[0].reference]


async def test_what_a_repeated_failure_has_done_may_stay_unknown(
    sandbox: Sandbox, vendor: face.Stripe, at_stripe: Cards
) -> None:
    await at_stripe.prepare("intent")
    vendor.breaks = {"": True}
    sandbox.line.harm(at=3, before=httpx.ConnectError("gone"), times=9)

    with pytest.raises(InDoubt):
        await COMMANDS["intent"](at_stripe)


async def test_a_customer_that_no_search_finds_yet_is_found(vendor: face.Stripe, at_stripe: Cards) -> None:
    vendor.search_lags = timedelta(hours=1)
    await at_stripe.sandbox.advance(hours=22, minutes=59)
    made = await COMMANDS["customer"](at_stripe)
    await at_stripe.sandbox.advance(minutes=5)

    assert await COMMANDS["customer"](at_stripe) == made
    assert await at_stripe.count("customer") == 1


@pytest.mark.parametrize("name", ["refund", "customer"])
async def test_what_lies_behind_a_page_of_others_is_found(vendor: face.Stripe, at_stripe: Cards, name: str) -> None:
    vendor.search_lags = timedelta(hours=9)
    await at_stripe.prepare(name)
    await at_stripe.sandbox.advance(hours=23, minutes=15)
    made = await COMMANDS[name](at_stripe)
    now = at_stripe.sandbox.clock.at
    for number in range(2, 103):
        if name == "customer":
            await at_stripe.payments.create_customer(UserId(f"usr_{number}"), "Ola", now)
        else:
            other = replace(a_refund(number, 1), created_at=now, updated_at=now)
            await at_stripe.payments.refund(at_stripe.paid, other)
    await at_stripe.sandbox.advance(minutes=30)
    vendor.replies.clear()

    assert await COMMANDS[name](at_stripe) == made
    assert await at_stripe.count(name) == 1


@pytest.mark.parametrize("name", COMMANDS)
async def test_what_is_under_way_when_its_key_lapses_is_not_sent_again_under_the_next(cards: Cards, name: str) -> None:
    await cards.prepare(name)
    line = cards.sandbox.line
    await cards.sandbox.advance(hours=22, minutes=59, seconds=59)
    line.delays(OURS[name][1].encode())
    slow = asyncio.ensure_future(COMMANDS[name](cards))
    await line.is_delaying.wait()
    line.delays()
    await cards.sandbox.advance(seconds=5)
    with pytest.raises((InDoubt, Unavailable)):
        await COMMANDS[name](cards)
    line.let_go()
    made = await slow
    await cards.sandbox.advance(minutes=10)

    assert await COMMANDS[name](cards) == made
    assert await cards.count(name) == 1
