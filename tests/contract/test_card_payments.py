"""The contract of card payments: payment intents, refunds, disputes and subscriptions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from domain.account_number import parse_account_number
from domain.dispute import DisputeStatus
from domain.errors import BadSignature, BadWebhook, InDoubt, InvalidState, Unavailable
from domain.ids import AttemptId, PaymentId, PlanSubscriptionId, RefundId, UserId
from domain.money import Money
from domain.payment import FailureCode, Payment, Rail, Status
from domain.plan import PLANS, InvoiceStatus, PlanEnd, PlanStatus, PlanSubscription
from domain.reconciliation import Listed, ObjectKind
from domain.refund import Refund, RefundStatus
from providers.calling.guard import Guard
from providers.card_payments import mock, stripe
from providers.card_payments.port import CardPaymentsProvider, IntentState, SubscriptionState
from providers.card_payments.stripe import StripeCardPayments
from providers.stripe_sdk import Stripe
from tests.builders.gateway import BASE, OLA
from tests.builders.line import Line
from tests.builders.sandbox import STRIPE_SECRET, Sandbox
from tests.contract.conftest import NOON
from tests.vendors import stripe as stripe_face

KARI = UserId("usr_kari")
CALLBACK = f"{BASE}/api/cards/callback?state=s"
VISA = "pm_card_visa"


def a_card_payment(number: int = 1, *, amount_minor: int = 12_500) -> Payment:
    return Payment(
        id=PaymentId(f"pay_{number}"),
        user_id=KARI,
        vendor="mock",
        amount=Money(amount_minor),
        creditor_name="Drop AS",
        creditor_account=parse_account_number(OLA),
        created_at=NOON,
        rail=Rail.CARD,
    )


def a_refund(number: int, amount_minor: int) -> Refund:
    return Refund(RefundId(f"ref_{number}"), PaymentId("pay_1"), Money(amount_minor), NOON, NOON)


def a_subscription(number: int = 1) -> PlanSubscription:
    return PlanSubscription(PlanSubscriptionId(f"psub_{number}"), KARI, "plan_plus", "mock", NOON)


@dataclass
class AtVendor:
    adapter: CardPaymentsProvider
    sandbox: Sandbox

    async def created(self, number: int = 1) -> IntentState:
        customer = await self.adapter.create_customer(KARI, "Kari Nordmann", NOON)
        return await self.adapter.create(a_card_payment(number), customer)

    async def confirmed(self, method: str = VISA, attempt: str = "att_1") -> IntentState:
        state = await self.created()
        return await self.adapter.confirm(state.reference, method, AttemptId(attempt), CALLBACK)

    async def subscribed(self, method: str = VISA, number: int = 1) -> SubscriptionState:
        customer = await self.adapter.create_customer(KARI, "Kari Nordmann", NOON)
        plan = PLANS["plan_plus"]
        return await self.adapter.create_subscription(a_subscription(number), plan, customer, method, CALLBACK)

    async def charged(self) -> list[int]:
        return [charge["amount"] for charge in (await self.sandbox.http.get("/ledger")).json()["charges"]]


def a_mock(sandbox: Sandbox) -> CardPaymentsProvider:
    client = sandbox.client("card_payments", mock)
    return mock.MockCardPayments(client, webhook_secret=STRIPE_SECRET, clock=sandbox.clock)


def a_stripe(sandbox: Sandbox) -> StripeCardPayments:
    http = sandbox.outside(stripe_face.app(stripe_face.Stripe(sandbox.inner, sandbox.clock)))
    guard = Guard("card_payments", stripe.RESILIENCE, stripe.RETRIED)
    client = Stripe(http, guard, api_key=stripe_face.API_KEY, base_url="https://stripe.example")
    given = {"webhook_secret": STRIPE_SECRET, "publishable_key": "pk_test_drop"}
    return StripeCardPayments(client, prices=stripe_face.PRICES, clock=sandbox.clock, **given)


@pytest.fixture(params=[a_mock, a_stripe])
def vendor(sandbox: Sandbox, request: pytest.FixtureRequest) -> AtVendor:
    return AtVendor(request.param(sandbox), sandbox)


async def test_a_user_has_one_customer(vendor: AtVendor) -> None:
    first = await vendor.adapter.create_customer(KARI, "Kari Nordmann", NOON)

    assert await vendor.adapter.create_customer(KARI, "Kari Nordmann", NOON) == first
    assert await vendor.adapter.create_customer(UserId("usr_ola"), "Ola", NOON) != first


async def test_the_same_payment_is_one_intent(vendor: AtVendor) -> None:
    first, again = await vendor.created(), await vendor.created()

    assert first.status is Status.AUTHORISATION_REQUIRED
    assert first.client_secret is not None
    assert (first.reference, first.client_secret) == (again.reference, again.client_secret)
    assert await vendor.charged() == []


async def test_a_form_is_a_page_or_what_loads_the_vendors_script(vendor: AtVendor) -> None:
    state = await vendor.created()
    assert state.client_secret is not None

    form = vendor.adapter.form(state.reference, state.client_secret)

    assert form.client_secret == state.client_secret
    assert form.vendor in {"mock", "stripe"}
    assert (form.publishable_key is None) is (form.url is not None)
    if form.url is not None:
        assert (await vendor.sandbox.pages.get(form.url)).status_code == 200
    assert form.client_secret not in (form.url or "")


async def test_a_card_that_works_is_charged_once_per_attempt(vendor: AtVendor) -> None:
    paid = await vendor.confirmed()
    again = await vendor.adapter.confirm(paid.reference, VISA, AttemptId("att_1"), CALLBACK)

    assert paid.status is again.status is Status.SETTLED
    assert await vendor.charged() == [12_500]
    with pytest.raises(InvalidState):
        await vendor.adapter.confirm(paid.reference, VISA, AttemptId("att_2"), CALLBACK)


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_visa_chargeDeclined", FailureCode.CARD_DECLINED),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", FailureCode.INSUFFICIENT_FUNDS),
        ("pm_card_visa_chargeDeclinedLostCard", FailureCode.CARD_DECLINED),
        ("pm_card_chargeDeclinedExpiredCard", FailureCode.CARD_EXPIRED),
        ("pm_card_chargeDeclinedIncorrectCvc", FailureCode.INCORRECT_CARD_DETAILS),
        ("pm_card_chargeDeclinedProcessingError", FailureCode.PROCESSING_ERROR),
    ],
)
async def test_a_declined_card_is_an_answer_and_another_may_pay(
    vendor: AtVendor, method: str, code: FailureCode
) -> None:
    declined = await vendor.confirmed(method)

    assert declined.status is Status.AUTHORISATION_REQUIRED
    assert declined.failure is not None
    assert declined.failure.code is code
    replayed = await vendor.adapter.confirm(declined.reference, method, AttemptId("att_1"), CALLBACK)
    assert replayed.failure == declined.failure
    paid = await vendor.adapter.confirm(declined.reference, VISA, AttemptId("att_2"), CALLBACK)
    assert (paid.status, paid.failure) == (Status.SETTLED, None)


async def test_an_unknown_payment_method_is_refused(vendor: AtVendor) -> None:
    with pytest.raises(InvalidState):
        await vendor.confirmed("pm_card_unheard_of")


async def test_3d_secure_waits_for_the_payer(vendor: AtVendor) -> None:
    waiting = await vendor.confirmed("pm_card_threeDSecure2Required")
    assert waiting.authorisation_url is not None

    await vendor.sandbox.press(waiting.authorisation_url, decision="approve")

    assert (await vendor.adapter.retrieve(waiting.reference)).status is Status.SETTLED


async def test_cancelling_is_safe_to_repeat_and_too_late_once_paid(vendor: AtVendor) -> None:
    open_one = await vendor.created(2)
    paid = await vendor.confirmed()

    assert (await vendor.adapter.cancel(open_one.reference)).status is Status.CANCELLED
    assert (await vendor.adapter.cancel(open_one.reference)).status is Status.CANCELLED
    assert (await vendor.adapter.cancel(paid.reference)).status is Status.SETTLED


async def test_refunds_add_up_and_show_on_the_payment(vendor: AtVendor) -> None:
    paid = await vendor.confirmed()

    part = await vendor.adapter.refund(paid.reference, a_refund(1, 2_500))
    again = await vendor.adapter.refund(paid.reference, a_refund(1, 2_500))
    too_much = await vendor.adapter.refund(paid.reference, a_refund(2, 10_001))

    assert part == again
    assert (part.status, part.refund_id) == (RefundStatus.SUCCEEDED, "ref_1")
    assert too_much.status is RefundStatus.FAILED
    refunds = (await vendor.adapter.retrieve(paid.reference)).refunds
    assert [(one.refund_id, one.amount.amount_minor) for one in refunds] == [("ref_1", 2_500)]


@pytest.mark.parametrize(
    ("method", "hours", "status"),
    [("pm_card_pendingRefund", 1, RefundStatus.SUCCEEDED), ("pm_card_refundFail", 24, RefundStatus.FAILED)],
)
async def test_a_refunds_end_comes_later(vendor: AtVendor, method: str, hours: int, status: RefundStatus) -> None:
    paid = await vendor.confirmed(method)
    await vendor.adapter.refund(paid.reference, a_refund(1, 2_500))

    await vendor.sandbox.advance(hours=hours)

    assert [one.status for one in (await vendor.adapter.retrieve(paid.reference)).refunds] == [status]


async def test_a_dispute_shows_on_the_payment(vendor: AtVendor) -> None:
    paid = await vendor.confirmed()

    await vendor.sandbox.press(f"{BASE}/sandbox/cards/disputes/{paid.reference}", decision="open")

    (dispute,) = (await vendor.adapter.retrieve(paid.reference)).disputes
    assert (dispute.status, dispute.evidence_due_by) == (DisputeStatus.NEEDS_RESPONSE, NOON + timedelta(days=7))


async def test_a_subscription_is_one_per_key_and_bills_each_period(vendor: AtVendor) -> None:
    first, again = await vendor.subscribed(), await vendor.subscribed()
    await vendor.sandbox.advance(days=31)

    renewed = await vendor.adapter.subscription(first.reference)

    assert first.reference == again.reference
    assert first.terms and renewed.terms
    assert first.terms.status is renewed.terms.status is PlanStatus.ACTIVE
    assert sorted(invoice.status for invoice in renewed.invoices) == [InvoiceStatus.PAID] * 2
    assert await vendor.charged() == [4_900] * 2


async def test_a_declined_first_payment_and_an_unknown_method(vendor: AtVendor) -> None:
    declined = await vendor.subscribed("pm_card_visa_chargeDeclined")

    assert declined.terms is not None
    assert declined.terms.status is PlanStatus.INCOMPLETE
    assert declined.terms.failure is not None
    with pytest.raises(InvalidState):
        await vendor.subscribed("pm_card_unheard_of", 2)


async def test_a_subscription_is_found_by_our_id_and_by_no_other(vendor: AtVendor) -> None:
    made = await vendor.subscribed()
    customer = await vendor.adapter.create_customer(KARI, "Kari Nordmann", NOON)

    found = await vendor.adapter.find_subscription(a_subscription(), customer)

    assert found is not None
    assert (found.reference, found.terms, len(found.invoices)) == (made.reference, made.terms, 1)
    assert await vendor.adapter.find_subscription(a_subscription(2), customer) is None


async def test_a_subscription_ends_with_its_period_or_now_and_goes_on_when_resumed(vendor: AtVendor) -> None:
    reference = (await vendor.subscribed()).reference

    ending = await vendor.adapter.cancel_subscription(reference, at_period_end=True)
    going_on = await vendor.adapter.resume_subscription(reference)
    ended = await vendor.adapter.cancel_subscription(reference, at_period_end=False)
    again = await vendor.adapter.cancel_subscription(reference, at_period_end=False)

    assert ending.terms and going_on.terms and ended.terms
    assert (ending.terms.status, ending.terms.cancel_at_period_end) == (PlanStatus.ACTIVE, True)
    assert going_on.terms.cancel_at_period_end is False
    assert ended.terms == again.terms
    assert (ended.terms.status, ended.terms.ended_because) == (PlanStatus.ENDED, PlanEnd.CANCELLED)


async def test_a_webhook_is_verified_and_names_the_payment(vendor: AtVendor) -> None:
    paid = await vendor.confirmed()
    posted = await vendor.sandbox.last_webhook()

    event = vendor.adapter.parse_webhook(posted.raw, posted.headers)

    assert (event.kind, event.payment_id) == ("payment_intent.succeeded", "pay_1")
    assert event.payment_reference == paid.reference
    for raw, headers in (
        (posted.raw + b" ", posted.headers),
        (posted.raw, {}),
        (posted.raw, {"stripe-signature": "t=,v1="}),
    ):
        with pytest.raises(BadSignature):
            vendor.adapter.parse_webhook(raw, headers)
    with pytest.raises(BadWebhook):
        vendor.adapter.read_webhook(b"[]")


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_signature_of_another_time_is_refused(vendor: AtVendor, minutes: int) -> None:
    await vendor.confirmed()
    posted = await vendor.sandbox.last_webhook()

    vendor.sandbox.clock.at += timedelta(minutes=minutes)

    with pytest.raises(BadSignature):
        vendor.adapter.parse_webhook(posted.raw, posted.headers)


def _confirm(vendor: AtVendor, reference: str) -> Callable[[], Awaitable[object]]:
    return lambda: vendor.adapter.confirm(reference, VISA, AttemptId("att_1"), CALLBACK)


async def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(vendor: AtVendor, line: Line) -> None:
    reference = (await vendor.created()).reference
    line.cut_after_request()

    paid = await _confirm(vendor, reference)()

    assert isinstance(paid, IntentState)
    assert paid.status is Status.SETTLED
    assert await vendor.charged() == [12_500]


async def test_no_answer_at_all_is_a_doubt_and_no_line_is_none(vendor: AtVendor, line: Line) -> None:
    reference = (await vendor.created()).reference

    line.harm(at=1, after=httpx.ReadTimeout("lost"), times=9)
    with pytest.raises(InDoubt):
        await _confirm(vendor, reference)()
    line.mend()
    line.cut()
    with pytest.raises(Unavailable):
        await _confirm(vendor, reference)()


async def test_what_was_made_in_a_time_is_listed_by_kind(vendor: AtVendor) -> None:
    paid = await vendor.confirmed()
    given = await vendor.adapter.refund(paid.reference, a_refund(1, 2_500))
    await vendor.sandbox.pages.post(f"/sandbox/cards/disputes/{paid.reference}", data={"decision": "open"})
    plan = await vendor.subscribed()
    (bill,) = plan.invoices

    async def listed(kind: ObjectKind, days: int = 1) -> list[Listed]:
        until = NOON + timedelta(days=days)
        return list((await vendor.adapter.listed(kind, until - timedelta(days=2), until, None)).objects)

    found = [one for kind in ObjectKind for one in await listed(kind)]

    assert found == [
        Listed(ObjectKind.PAYMENT, paid.reference, "SETTLED", Money(12_500), "pay_1"),
        Listed(ObjectKind.REFUND, given.reference or "", "SUCCEEDED", Money(2_500), "ref_1", paid.reference),
        Listed(ObjectKind.DISPUTE, "dp_000001", "NEEDS_RESPONSE", Money(10_000), None, paid.reference),
        Listed(ObjectKind.PLAN, plan.reference, "ACTIVE", None, "psub_1"),
        Listed(ObjectKind.PLAN_INVOICE, bill.reference, "PAID", Money(4_900), None, plan.reference),
    ]
    assert await listed(ObjectKind.PAYMENT, days=3) == []
    assert [await vendor.adapter.has(one.kind, one.reference) for one in found] == [True] * 5
    assert not await vendor.adapter.has(ObjectKind.PAYMENT, "pi_of_nobody")


async def test_a_list_in_many_pages_is_read_to_its_end(vendor: AtVendor) -> None:
    made = [(await vendor.created(number)).reference for number in range(1, 103)]

    first = await vendor.adapter.listed(ObjectKind.PAYMENT, NOON, NOON + timedelta(days=1), None)
    last = await vendor.adapter.listed(ObjectKind.PAYMENT, NOON, NOON + timedelta(days=1), first.after)

    assert [one.reference for one in [*first.objects, *last.objects]] == made[::-1]
    assert last.after is None
