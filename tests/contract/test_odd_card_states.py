"""Any JSON in the place of a field that a card's or review's object can do without leaves its status as it is."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Unavailable
from domain.money import Money
from domain.reconciliation import ObjectKind
from providers.calling.guard import Guard, Resilience
from providers.calling.vendor_http import UNREADABLE
from providers.card_issuing import stripe_cards
from providers.card_payments import stripe_lists, stripe_objects
from providers.kyc.sumsub import SumsubKyc
from tests.builders.sandbox import MovedClock
from tests.contract.conftest import NOON
from tests.contract.test_odd_items import JSON
from tests.contract.test_odd_states import places_in, with_odd

ERROR = {"code": "card_declined", "decline_code": "expired_card", "message": "No."}
ACTION = {"redirect_to_url": {"url": "https://hooks.stripe.com/1"}, "type": "redirect_to_url"}
REFUND = {
    "id": "re_1", "status": "failed", "amount": 100, "currency": "nok",
    "metadata": {"refundId": "ref_1"}, "failure_reason": "declined",
}  # fmt: skip
DISPUTE = {
    "id": "dp_1", "status": "lost", "amount": 100, "currency": "nok", "reason": "fraudulent",
    "evidence_details": {"due_by": 1_800_000_000},
}  # fmt: skip
CHARGE = {"id": "ch_1", "refunds": {"data": [REFUND]}, "disputes": {"data": [DISPUTE]}}
INTENT = {
    "id": "pi_1", "status": "requires_action", "client_secret": "s", "last_payment_error": ERROR,
    "next_action": ACTION, "latest_charge": CHARGE,
}  # fmt: skip
INVOICE = {
    "id": "in_1", "number": "1", "amount_due": 100, "currency": "nok", "status": "open", "created": 1_790_000_000,
    "period_start": 1_790_000_000, "period_end": 1_790_100_000, "hosted_invoice_url": "https://invoice.stripe.com/1",
    "lines": {"data": [{"proration": False, "period": {"start": 1_790_000_000, "end": 1_790_100_000}}]},
    "payment_intent": INTENT,
}  # fmt: skip
SUBSCRIPTION = {
    "id": "sub_1", "status": "past_due", "current_period_end": 1_800_000_000, "cancel_at_period_end": False,
    "latest_invoice": INVOICE, "cancellation_details": {"reason": "payment_failed"},
}  # fmt: skip
CARD = {"id": "ic_1", "status": "active", "last4": "4242", "exp_month": 5, "exp_year": 2030}
REVIEW = {
    "reviewStatus": "completed", "createDate": "2026-11-24 10:00:00+0000", "reviewDate": "2026-11-24 11:00:00+0000",
    "reviewResult": {"reviewAnswer": "RED", "reviewRejectType": "RETRY", "rejectLabels": ["FORGERY"]}, "risk": 20,
}  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """How an object is read, what of it must not change, and the fields in which just that lies."""

    read: Callable[[dict[str, Any]], object]
    usual: dict[str, Any]
    needed: frozenset[str]


def of_subscription(found: dict[str, Any]) -> object:
    state = stripe_objects.subscription_state(found)
    return state.reference, state.terms and state.terms.status


def of_invoices(found: dict[str, Any]) -> object:
    return [(state.reference, state.status) for state in stripe_objects.invoice_states([found, INVOICE])][-1]


def of_intent(found: dict[str, Any]) -> object:
    state = stripe_objects.intent_state(found)
    return state.reference, state.status


def of_refund(found: dict[str, Any]) -> object:
    state = stripe_objects.refund_state(found)
    return state.reference, state.status, state.amount


def of_dispute(found: dict[str, Any]) -> object:
    state = stripe_objects.dispute_state(found)
    return state.reference, state.status, state.amount


def of_card(found: dict[str, Any]) -> object:
    state = stripe_cards.card_state(found)
    return state.reference, state.status


def of_review(found: dict[str, Any]) -> object:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=json.dumps(found).encode()))
    patient = Resilience(timeout_s=10, breaker_failures=1_000, breaker_open_s=0)
    adapter = SumsubKyc(
        httpx.AsyncClient(transport=transport), Guard("kyc", patient, frozenset()), app_token="t", app_secret="s",
        webhook_secret="s", level="basic", clock=MovedClock(NOON), base_url="https://sumsub.example",
    )  # fmt: skip
    try:
        review = asyncio.run(adapter.get_verification_result("a"))
    except Unavailable as error:
        raise ValueError from error
    assert review is not None
    return review.status


MONEY = {"id", "status", "amount", "currency"}
READERS = {
    "intent": Reader(of_intent, INTENT, frozenset({"id", "status"})),
    "refund": Reader(of_refund, REFUND, frozenset(MONEY)),
    "dispute": Reader(of_dispute, DISPUTE, frozenset(MONEY)),
    "subscription": Reader(of_subscription, SUBSCRIPTION, frozenset({"id", "status"})),
    "invoices": Reader(of_invoices, INVOICE, frozenset()),
    "card": Reader(of_card, CARD, frozenset({"id", "status"})),
    "review": Reader(
        of_review, REVIEW, frozenset({"reviewStatus", "reviewResult"})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), odd=JSON)
def test_any_json_in_a_field_leaves_the_status(name: str, data: st.DataObject, odd: object) -> None:
    reader = READERS[name]
    places = [place for place in places_in(reader.usual) if place[0] not in reader.needed]

    found = reader.read(with_odd(reader.usual, data.draw(st.sampled_from(places)), odd))

    assert found == reader.read(reader.usual)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), odd=JSON)
def test_an_object_without_what_it_needs_is_unreadable_and_no_bug(name: str, data: st.DataObject, odd: object) -> None:
    reader = READERS[name]
    place = data.draw(st.sampled_from(sorted(reader.needed or reader.usual)))

    try:
        reader.read({**reader.usual, place: odd})
    except UNREADABLE:
        return


def is_storable(reference: object, amount: Money | None) -> bool:
    has_id = isinstance(reference, str) and "\0" not in reference
    return has_id and (amount is None or (type(amount.amount_minor) is int and abs(amount.amount_minor) < 2**63))


MOVED: dict[str, tuple[Callable[[dict[str, Any]], Any], dict[str, Any]]] = {
    "refund": (stripe_objects.refund_state, REFUND),
    "dispute": (stripe_objects.dispute_state, DISPUTE),
    "invoice": (stripe_objects.invoice_state, INVOICE),
}
ODD = JSON | st.sampled_from([True, "100", 1.5, -1, 10**30, "re_\0"])


@pytest.mark.parametrize("name", MOVED)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), odd=ODD)
def test_what_is_read_of_money_that_moved_can_be_stored(name: str, data: st.DataObject, odd: object) -> None:
    read, usual = MOVED[name]

    try:
        found = read({**usual, data.draw(st.sampled_from(sorted(usual))): odd})
    except UNREADABLE:
        return

    assert found is None or is_storable(found.reference, found.amount)


LISTED = {
    ObjectKind.PAYMENT: {**INTENT, "amount": 100, "currency": "nok", "metadata": {"orderId": "pay_1"}},
    ObjectKind.REFUND: {**REFUND, "payment_intent": "pi_1"},
    ObjectKind.DISPUTE: {**DISPUTE, "payment_intent": "pi_1"},
    ObjectKind.PLAN: {**SUBSCRIPTION, "metadata": {"planSubscriptionId": "sub_1"}},
    ObjectKind.PLAN_INVOICE: {**INVOICE, "subscription": "sub_1"},
}


@pytest.mark.parametrize("kind", LISTED)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), odd=ODD)
def test_an_odd_item_of_a_list_leaves_the_others_and_can_be_stored(
    kind: ObjectKind, data: st.DataObject, odd: object
) -> None:
    usual = LISTED[kind]
    item = data.draw(st.just(odd) | st.sampled_from(sorted(usual)).map(lambda name: {**usual, name: odd}))

    page = stripe_lists.page_of(kind, {"data": [usual, item, usual], "has_more": False})

    assert page.objects[0] == page.objects[-1] == stripe_lists.page_of(kind, {"data": [usual]}).objects[0]
    assert all(is_storable(one.reference, one.amount) for one in page.objects)
    assert all(one.parent is None or isinstance(one.parent, str) for one in page.objects)
    assert len(set(page.unreadable)) == len(page.unreadable)
