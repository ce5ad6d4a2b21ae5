"""Stripe's lists in our words, item by item. Source: docs/vendors/stripe.md, Endpoints, Payment intents."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from domain.reconciliation import Listed, ObjectKind
from domain.refund import RefundStatus
from providers.calling.json_parts import text, within
from providers.calling.status_words import status_of
from providers.calling.vendor_http import UNREADABLE
from providers.card_payments.port import ListedPage
from providers.card_payments.stripe_objects import (
    DISPUTE_STATUS,
    INVOICE_STATUS,
    STATUS,
    SUBSCRIPTION_STATUS,
    refund_state,
)
from providers.stripe_pages import after_of
from providers.stripe_pages import unreadable as put_aside
from providers.stripe_values import id_of, money_of

# By their names at Stripe: the last part of the list's path.
NAMES: Final[Mapping[ObjectKind, str]] = {
    ObjectKind.PAYMENT: "payment_intents",
    ObjectKind.REFUND: "refunds",
    ObjectKind.DISPUTE: "disputes",
    ObjectKind.PLAN: "subscriptions",
    ObjectKind.PLAN_INVOICE: "invoices",
}


def page_of(kind: ObjectKind, page: Mapping[str, Any]) -> ListedPage:
    """A page of a list. An item that cannot be read is counted and named, and costs itself alone."""
    after, items = after_of(page, of=kind.lower()), page["data"]
    found, unreadable = list[Listed](), set[str]()
    for item in items:
        try:
            read = _READ[kind](item)
        except UNREADABLE:
            identifier = _id_of(item)
            if identifier is not None:
                put_aside(kind.lower())
            unreadable.add(identifier or _named(item))
            continue
        if read is not None:
            found.append(read)
    return ListedPage(found, sorted(unreadable), after)


def epoch(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())


def _id_of(item: Any) -> str | None:
    try:
        return id_of(item)
    except UNREADABLE:
        return None


def _named(item: object) -> str:
    """A name for an item without an id: the same for the same content, so that one item is one difference."""
    # Not by orjson, which refuses integers of more than 64 bits: whatever was read can be written.
    content = json.dumps(item, sort_keys=True)
    return f"without id, {hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _payment(item: Mapping[str, Any]) -> Listed | None:
    if item.get("invoice"):
        return None
    status = status_of(STATUS, item["status"], of="card payment")
    return Listed(ObjectKind.PAYMENT, id_of(item), status, money_of(item, "amount"), _ours(item, "orderId"))


def _refund(item: Mapping[str, Any]) -> Listed:
    state = refund_state(item)
    # A try that lacked our funds is waited for, and sent again.
    status = RefundStatus.PENDING if state.lacks_funds else state.status
    amount, parent = money_of(item, "amount"), _ours(item, "invoice") or _parent(item, "payment_intent")
    return Listed(ObjectKind.REFUND, id_of(item), status, amount, state.refund_id, parent)


def _dispute(item: Mapping[str, Any]) -> Listed:
    status = status_of(DISPUTE_STATUS, item["status"], of="dispute")
    amount = money_of(item, "amount")
    return Listed(ObjectKind.DISPUTE, id_of(item), status, amount, None, _parent(item, "payment_intent"))


def _plan(item: Mapping[str, Any]) -> Listed:
    status = status_of(SUBSCRIPTION_STATUS, item["status"], of="subscription")
    return Listed(ObjectKind.PLAN, id_of(item), status, None, _ours(item, "planSubscriptionId"))


def _invoice(item: Mapping[str, Any]) -> Listed | None:
    if item["status"] == "draft":
        return None
    status = status_of(INVOICE_STATUS, item["status"], of="invoice")
    amount = money_of(item, "amount_due")
    return Listed(ObjectKind.PLAN_INVOICE, id_of(item), status, amount, None, _parent(item, "subscription"))


_READ: Final[Mapping[ObjectKind, Callable[[Mapping[str, Any]], Listed | None]]] = {
    ObjectKind.PAYMENT: _payment,
    ObjectKind.REFUND: _refund,
    ObjectKind.DISPUTE: _dispute,
    ObjectKind.PLAN: _plan,
    ObjectKind.PLAN_INVOICE: _invoice,
}


def _ours(item: Mapping[str, Any], name: str) -> str | None:
    return text(within(item, "metadata", name))


def _parent(item: Mapping[str, Any], name: str) -> str | None:
    return text(item.get(name))
