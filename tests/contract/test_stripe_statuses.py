"""Every status that Stripe knows at version 2023-10-16, by each of ours: a move, or a stay with its reason.

The lists are those of the published specification of that version.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from domain.account_number import AccountNumber
from domain.ids import PaymentId, PlanSubscriptionId, RefundId, UserId
from domain.money import Money
from domain.payment import Payment, PaymentCause, Rail, Status, StatusUpdate
from domain.plan import InvoiceStatus, PlanStatus, PlanSubscription, PlanTerms
from domain.refund import Refund, RefundStatus
from providers.card_payments.stripe_objects import (
    DISPUTE_STATUS,
    INVOICE_STATUS,
    REFUND_STATUS,
    SUBSCRIPTION_STATUS,
    intent_state,
)
from tests.contract.conftest import NOON

INTENTS: Final = [
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]
SUBSCRIPTIONS: Final = [
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
]
REFUNDS: Final = ["pending", "requires_action", "succeeded", "failed", "canceled"]
DISPUTES: Final = [
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
]
INVOICES: Final = ["draft", "open", "paid", "uncollectible", "void"]
# Why a status stays as it is.
SAME: Final = "it says the same"
ENDED_BY_VENDOR: Final = "the vendor's own end: the answer is an older one"
ENDED_BY_US: Final = "ended here, after the vendor's object had ended: the answer is an older one"
UNUSED: Final = "cards are not scheduled"
NO_MONEY: Final = "nothing is billed: an unpaid first bill ends by itself within a day"

Moves = Mapping[str, object]
WAITS, TAKEN, PAID, GONE = Status.AUTHORISATION_REQUIRED, Status.PROCESSING, Status.SETTLED, Status.CANCELLED
_WAITING, _TAKEN = INTENTS[:3], INTENTS[3:5]


def _of_intents(waiting: object, taken: object, paid: object, gone: object) -> Moves:
    return {
        **dict.fromkeys(_WAITING, waiting),
        **dict.fromkeys(_TAKEN, taken),
        "succeeded": paid,
        "canceled": gone,
    }


BY_INTENT: Final[Mapping[Status, Moves]] = {
    Status.CREATED: _of_intents(WAITS, TAKEN, PAID, GONE),
    Status.AUTHORISATION_REQUIRED: _of_intents(SAME, TAKEN, PAID, GONE),
    Status.SCHEDULED: _of_intents(UNUSED, TAKEN, PAID, GONE),
    Status.PROCESSING: _of_intents(WAITS, SAME, PAID, GONE),
    Status.SETTLED: _of_intents(ENDED_BY_VENDOR, ENDED_BY_VENDOR, SAME, ENDED_BY_VENDOR),
    Status.REJECTED: _of_intents(*[ENDED_BY_VENDOR] * 4),
    # Money that moved all the same settles the payment, and alerts.
    Status.FAILED: _of_intents(ENDED_BY_US, ENDED_BY_US, PAID, ENDED_BY_US),
    Status.CANCELLED: _of_intents(ENDED_BY_US, ENDED_BY_US, PAID, SAME),
    Status.EXPIRED: _of_intents(ENDED_BY_US, ENDED_BY_US, PAID, ENDED_BY_US),
}


def a_payment(status: Status) -> Payment:
    account = AccountNumber("NO9386011117947", "86011117947")
    return Payment(
        PaymentId("pay_1"), UserId("u"), "stripe", Money(100), "Drop", account, NOON, rail=Rail.CARD, status=status
    )


def after_intent(ours: Status, theirs: str) -> Status:
    state = intent_state({"id": "pi_1", "status": theirs})
    assert state.status is not None
    return a_payment(ours).apply(StatusUpdate(state.status, PaymentCause.VENDOR_READ, NOON))[0].status


@pytest.mark.parametrize("theirs", INTENTS)
@pytest.mark.parametrize("ours", Status)
def test_an_intent_moves_a_payment_or_leaves_it_for_a_reason(ours: Status, theirs: str) -> None:
    expected = BY_INTENT[ours][theirs]

    assert after_intent(ours, theirs) is (expected if isinstance(expected, Status) else ours), expected


@pytest.mark.parametrize("charge", ["failed", "pending", "succeeded"])
@pytest.mark.parametrize("theirs", INTENTS)
def test_a_charge_moves_nothing_since_its_intent_decides(theirs: str, charge: str) -> None:
    bare = intent_state({"id": "pi_1", "status": theirs})

    assert intent_state({"id": "pi_1", "status": theirs, "latest_charge": {"id": "ch_1", "status": charge}}) == bare


BY_REFUND: Final[Mapping[RefundStatus, Mapping[str, object]]] = {
    RefundStatus.PENDING: {
        "pending": SAME,
        "requires_action": SAME,
        "succeeded": RefundStatus.SUCCEEDED,
        "failed": RefundStatus.FAILED,
        "canceled": RefundStatus.FAILED,
    },
    RefundStatus.SUCCEEDED: {
        "pending": ENDED_BY_VENDOR,
        "requires_action": ENDED_BY_VENDOR,
        "succeeded": SAME,
        "failed": RefundStatus.FAILED,
        "canceled": RefundStatus.FAILED,
    },
    RefundStatus.FAILED: {**dict.fromkeys(REFUNDS[:3], ENDED_BY_VENDOR), "failed": SAME, "canceled": SAME},
}


@pytest.mark.parametrize("theirs", REFUNDS)
@pytest.mark.parametrize("ours", RefundStatus)
def test_a_refund_moves_or_stays_for_a_reason(ours: RefundStatus, theirs: str) -> None:
    expected = BY_REFUND[ours][theirs]
    refund = Refund(RefundId("rfd_1"), PaymentId("pay_1"), Money(100), NOON, NOON, status=ours, vendor_refund_id="re_1")

    after = refund.apply(REFUND_STATUS[theirs], "re_1", None, NOON)

    assert after.status is (expected if isinstance(expected, RefundStatus) else ours), expected


ACTIVE, PAST_DUE, ENDED, INCOMPLETE = PlanStatus.ACTIVE, PlanStatus.PAST_DUE, PlanStatus.ENDED, PlanStatus.INCOMPLETE


def _of_subscriptions(unpaid: object, active: object, overdue: object, ended: object) -> Moves:
    return {
        "incomplete": unpaid,
        **dict.fromkeys(("trialing", "active"), active),
        **dict.fromkeys(("past_due", "unpaid", "paused"), overdue),
        **dict.fromkeys(("incomplete_expired", "canceled"), ended),
    }


BY_SUBSCRIPTION: Final[Mapping[PlanStatus, Moves]] = {
    PlanStatus.CREATED: _of_subscriptions(INCOMPLETE, ACTIVE, PAST_DUE, ENDED),
    PlanStatus.INCOMPLETE: _of_subscriptions(SAME, ACTIVE, PAST_DUE, ENDED),
    PlanStatus.ACTIVE: _of_subscriptions(ENDED_BY_VENDOR, SAME, PAST_DUE, ENDED),
    PlanStatus.PAST_DUE: _of_subscriptions(ENDED_BY_VENDOR, ACTIVE, SAME, ENDED),
    # Billed after its end: shown again, or cancelled and given back, with an alert.
    PlanStatus.ENDED: _of_subscriptions(NO_MONEY, ACTIVE, PAST_DUE, SAME),
}


@pytest.mark.parametrize("theirs", SUBSCRIPTIONS)
@pytest.mark.parametrize("ours", PlanStatus)
def test_a_subscription_moves_a_plan_or_leaves_it_for_a_reason(ours: PlanStatus, theirs: str) -> None:
    expected = BY_SUBSCRIPTION[ours][theirs]
    plan = PlanSubscription(PlanSubscriptionId("psub_1"), UserId("u"), "plan_plus", "stripe", NOON, status=ours)

    after = plan.apply(PlanTerms(SUBSCRIPTION_STATUS[theirs], NOON))

    assert after.status is (expected if isinstance(expected, PlanStatus) else ours), expected


@pytest.mark.parametrize("theirs", INVOICES[1:])
@pytest.mark.parametrize("ours", InvoiceStatus)
def test_an_invoice_moves_unless_it_is_final_at_the_vendor(ours: InvoiceStatus, theirs: str) -> None:
    moves = {
        InvoiceStatus.OPEN: {"paid", "uncollectible", "void"},
        InvoiceStatus.UNCOLLECTIBLE: {"paid", "void"},
    }

    assert ours.may_become(INVOICE_STATUS[theirs]) is (theirs in moves.get(ours, set()))


def test_every_status_is_read() -> None:
    assert set(DISPUTE_STATUS) == set(DISPUTES)
    assert set(REFUND_STATUS) == set(REFUNDS)
    assert set(SUBSCRIPTION_STATUS) == set(SUBSCRIPTIONS)
    assert set(INVOICE_STATUS) == set(INVOICES) - {"draft"}  # has no number yet, so that it is not shown


def test_every_status_that_a_card_payment_can_reach_leads_to_an_end() -> None:
    reached, waiting = {Status.CREATED}, [Status.CREATED]
    while waiting:
        ours = waiting.pop()
        nexts = {after_intent(ours, theirs) for theirs in INTENTS} - {ours}
        assert nexts or ours.is_final
        waiting += nexts - reached
        reached |= nexts
    assert reached == {Status.CREATED, WAITS, TAKEN, PAID, GONE}
