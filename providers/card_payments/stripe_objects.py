"""Stripe's objects in our words. Source: docs/vendors/stripe.md, Payment intents, Errors, Webhooks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from domain.dispute import DisputeStatus
from domain.errors import BadWebhook
from domain.payment import Failure, FailureCode, FailureDetail, Status
from domain.plan import InvoiceStatus, PlanEnd, PlanStatus, PlanTerms
from domain.refund import RefundFailureCode, RefundStatus
from providers.calling.json_parts import as_list, objects_in, text, within
from providers.calling.status_words import status_of
from providers.calling.vendor_http import UNREADABLE
from providers.card_payments.port import (
    CardEvent,
    ChargeConcern,
    DisputeState,
    IntentState,
    InvoiceState,
    RefundState,
    SubscriptionState,
)
from providers.stripe_pages import unreadable
from providers.stripe_values import id_of, money_of, time_of

Result = TypeVar("Result")
STATUS: Final[Mapping[str, Status]] = {
    "requires_payment_method": Status.AUTHORISATION_REQUIRED,
    "requires_confirmation": Status.AUTHORISATION_REQUIRED,
    "requires_action": Status.AUTHORISATION_REQUIRED,
    "processing": Status.PROCESSING,
    "requires_capture": Status.PROCESSING,
    "succeeded": Status.SETTLED,
    "canceled": Status.CANCELLED,
}
REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
# The failure_reason of a refund, or the code of a refused one, that Drop's own balance did not cover.
LACKS_FUNDS: Final = frozenset({"insufficient_funds", "balance_insufficient"})
# By failure_reason; what is not listed is FAILED.
REFUND_FAILURES: Final[Mapping[str, RefundFailureCode]] = {
    "lost_or_stolen_card": RefundFailureCode.CARD_NOT_USABLE,
    "expired_or_canceled_card": RefundFailureCode.CARD_NOT_USABLE,
    "declined": RefundFailureCode.DECLINED,
    "charge_for_pending_refund_disputed": RefundFailureCode.DISPUTED,
    "merchant_request": RefundFailureCode.CANCELLED,
}
DISPUTE_STATUS: Final[Mapping[str, DisputeStatus]] = {
    "warning_needs_response": DisputeStatus.NEEDS_RESPONSE,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "warning_under_review": DisputeStatus.UNDER_REVIEW,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "warning_closed": DisputeStatus.WON,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
SUBSCRIPTION_STATUS: Final[Mapping[str, PlanStatus]] = {
    "incomplete": PlanStatus.INCOMPLETE,
    "trialing": PlanStatus.ACTIVE,
    "active": PlanStatus.ACTIVE,
    "past_due": PlanStatus.PAST_DUE,
    "unpaid": PlanStatus.PAST_DUE,
    "paused": PlanStatus.PAST_DUE,
    "incomplete_expired": PlanStatus.ENDED,
    "canceled": PlanStatus.ENDED,
}
INVOICE_STATUS: Final[Mapping[str, InvoiceStatus]] = {
    "open": InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "uncollectible": InvoiceStatus.UNCOLLECTIBLE,
    "void": InvoiceStatus.VOID,
}
_UNPAID: Final = frozenset({PlanStatus.INCOMPLETE, PlanStatus.PAST_DUE})
DECLINED: Final = Failure(FailureCode.CARD_DECLINED)
# Looked up by decline_code, then by code. Stolen and lost cards are not listed (stripe.md, Errors): a thief must not
# learn that the theft is known.
FAILURES: Final[Mapping[str, Failure]] = {
    "insufficient_funds": Failure(FailureCode.INSUFFICIENT_FUNDS),
    "expired_card": Failure(FailureCode.CARD_EXPIRED),
    "incorrect_cvc": Failure(FailureCode.INCORRECT_CARD_DETAILS, FailureDetail.SECURITY_CODE),
    "invalid_cvc": Failure(FailureCode.INCORRECT_CARD_DETAILS, FailureDetail.SECURITY_CODE),
    "incorrect_number": Failure(FailureCode.INCORRECT_CARD_DETAILS, FailureDetail.CARD_NUMBER),
    "invalid_expiry_month": Failure(FailureCode.INCORRECT_CARD_DETAILS, FailureDetail.EXPIRY_DATE),
    "invalid_expiry_year": Failure(FailureCode.INCORRECT_CARD_DETAILS, FailureDetail.EXPIRY_DATE),
    "processing_error": Failure(FailureCode.PROCESSING_ERROR),
    "try_again_later": Failure(FailureCode.PROCESSING_ERROR),
    "authentication_required": Failure(FailureCode.AUTHENTICATION_FAILED),
    "payment_intent_authentication_failure": Failure(FailureCode.AUTHENTICATION_FAILED),
}


def intent_state(intent: Mapping[str, Any]) -> IntentState:
    """The state of a payment intent. Refunds and disputes are there only if `latest_charge` is expanded."""
    error = _part(intent, "last_payment_error")
    status = status_of(STATUS, intent["status"], of="card payment")
    charge = charge_of(intent)
    return IntentState(
        reference=id_of(intent),
        status=status,
        client_secret=text(intent.get("client_secret")),
        authorisation_url=text(within(intent, "next_action", "redirect_to_url", "url")),
        failure=failure_of(error) if error and status is Status.AUTHORISATION_REQUIRED else None,
        refunds=_each(refund_state, within(charge, "refunds", "data"), of="refund"),
        disputes=_each(dispute_state, within(charge, "disputes", "data"), of="dispute"),
    )


def _each(read: Callable[[Any], Result | None], items: object, *, of: str) -> list[Result]:
    """What can be read of the items, each by itself: an odd one costs itself alone."""
    found = (_readable(read, item, of=of) for item in as_list(items))
    return [one for one in found if one is not None]


def _readable(read: Callable[[Any], Result | None], item: object, *, of: str) -> Result | None:
    try:
        return read(item)
    except UNREADABLE:
        unreadable(of)
        return None


def readable_refund(refund: Mapping[str, Any]) -> RefundState | None:
    """As `refund_state`, None for one that cannot be read: it costs itself alone."""
    return _readable(refund_state, refund, of="refund")


def readable_dispute(dispute: Mapping[str, Any]) -> DisputeState | None:
    """As `dispute_state`, None for one that cannot be read: it costs itself alone."""
    return _readable(dispute_state, dispute, of="dispute")


def charge_of(intent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The latest charge of a payment intent; empty if there is none or if the answer does not expand it."""
    charge = intent.get("latest_charge")
    return charge if isinstance(charge, Mapping) else {}


def subscription_state(subscription: Mapping[str, Any]) -> SubscriptionState:
    """The state of a subscription, without its invoices. `latest_invoice.payment_intent` must be expanded."""
    status = status_of(SUBSCRIPTION_STATUS, subscription["status"], of="subscription")
    if status is None:
        return SubscriptionState(id_of(subscription), None)
    invoice = _part(subscription, "latest_invoice")
    intent = _part(invoice, "payment_intent") if status in _UNPAID else {}
    error = _part(intent, "last_payment_error")
    terms = PlanTerms(
        status=status,
        period_end=_readable(time_of, subscription.get("current_period_end"), of="period"),
        cancel_at_period_end=subscription.get("cancel_at_period_end") is True,
        ended_because=_end_of(subscription) if status is PlanStatus.ENDED else None,
        failure=failure_of(error) if error else None,
        authorisation_url=_page_of(invoice, intent) if intent.get("status") == "requires_action" else None,
    )
    return SubscriptionState(id_of(subscription), terms)


def _page_of(invoice: Mapping[str, Any], intent: Mapping[str, Any]) -> str | None:
    """Where the payer approves: a renewal that Stripe tried by itself has no page but the invoice's own."""
    page = text(within(intent, "next_action", "redirect_to_url", "url"))
    return page or text(invoice.get("hosted_invoice_url"))


def invoice_states(invoices: Sequence[Mapping[str, Any]]) -> list[InvoiceState]:
    """The states of a subscription's invoices, without those that have none."""
    return _each(invoice_state, invoices, of="invoice")


def readable_invoice(invoice: Mapping[str, Any]) -> InvoiceState | None:
    """As `invoice_state`, None for one that cannot be read: it costs itself alone."""
    return _readable(invoice_state, invoice, of="invoice")


def _end_of(subscription: Mapping[str, Any]) -> PlanEnd:
    reason = within(subscription, "cancellation_details", "reason")
    return PlanEnd.CANCELLED if reason == "cancellation_requested" else PlanEnd.PAYMENT_FAILED


def invoice_state(invoice: Mapping[str, Any]) -> InvoiceState | None:
    """The state of an invoice. A draft, which has no number yet, and one with an unknown status have none."""
    status = status_of(INVOICE_STATUS, invoice["status"], of="invoice") if invoice["status"] != "draft" else None
    if status is None:
        return None
    start, end = _paid_period(invoice)
    return InvoiceState(
        reference=id_of(invoice),
        number=text(invoice.get("number")) or id_of(invoice),
        amount=money_of(invoice, "amount_due"),
        status=status,
        period_start=time_of(start),
        period_end=time_of(end),
        created_at=time_of(invoice["created"]),
    )


def _paid_period(invoice: Mapping[str, Any]) -> tuple[int, int]:
    """The period of the plan's own line: a proration's line has another, and the invoice's is the one before."""
    lines = objects_in(within(invoice, "lines", "data"))
    line = next((line for line in lines if not line.get("proration")), lines[0] if lines else None)
    start, end = within(line, "period", "start"), within(line, "period", "end")
    has_both = isinstance(start, int) and isinstance(end, int)
    return (start, end) if has_both else (invoice["period_start"], invoice["period_end"])


def failure_of(error: Mapping[str, Any]) -> Failure:
    """Why a card was not charged; `DECLINED` for unknown codes."""
    known = (FAILURES.get(text(error.get(name)) or "") for name in ("decline_code", "code"))
    return next((failure for failure in known if failure is not None), DECLINED)


def refund_state(refund: Mapping[str, Any]) -> RefundState:
    """The state of a refund object."""
    status = status_of(REFUND_STATUS, refund["status"], of="refund")
    return RefundState(
        reference=id_of(refund),
        refund_id=text(within(refund, "metadata", "refundId")),
        amount=money_of(refund),
        status=status,
        failure=_refund_failure_of(refund) if status is RefundStatus.FAILED else None,
        lacks_funds=status is RefundStatus.FAILED and text(refund.get("failure_reason")) in LACKS_FUNDS,
    )


def _refund_failure_of(refund: Mapping[str, Any]) -> RefundFailureCode:
    if refund["status"] == "canceled":
        return RefundFailureCode.CANCELLED
    return REFUND_FAILURES.get(text(refund.get("failure_reason")) or "", RefundFailureCode.FAILED)


def dispute_state(dispute: Mapping[str, Any]) -> DisputeState:
    """The state of a dispute object."""
    due_by = within(dispute, "evidence_details", "due_by")
    return DisputeState(
        reference=id_of(dispute),
        status=status_of(DISPUTE_STATUS, dispute["status"], of="dispute"),
        amount=money_of(dispute),
        reason=text(dispute.get("reason")) or "",
        evidence_due_by=_readable(time_of, due_by, of="evidence") if due_by else None,
    )


class _Data(BaseModel):
    object: dict[str, Any]


class _Event(BaseModel):
    id: str
    type: str
    data: _Data


def read_event(raw: bytes) -> CardEvent:
    """The event in a body whose signature was verified. Raises BadWebhook."""
    try:
        event = _Event.model_validate_json(raw)
    except ValidationError as error:
        raise BadWebhook("Not a Stripe event: id, type and data.object are needed.") from error
    about = event.data.object
    kind, metadata, billed = about.get("object"), _part(about, "metadata"), _billed(about)
    payment = about.get("payment_intent") or _part(about, "payment").get("payment_intent")
    return CardEvent(
        event_key=event.id[:100],
        kind=event.type,
        payment_id=_text(metadata.get("orderId")),
        payment_reference=_text(about.get("id") if kind == "payment_intent" else payment),
        subscription_id=_text((metadata | _part(billed, "metadata")).get("planSubscriptionId")),
        subscription_reference=_text(about.get("id") if kind == "subscription" else billed.get("subscription")),
        invoice_reference=_text(about.get("id") if kind == "invoice" else about.get("invoice")),
        concern=_concern_of(about),
    )


def _billed(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an invoice says of its subscription: since 2025-03-31 below `parent`, and the endpoint's version decides."""
    since_2025 = _part(_part(about, "parent"), "subscription_details")
    return since_2025 or {"subscription": about.get("subscription"), **_part(about, "subscription_details")}


def _part(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = holder.get(name)
    return part if isinstance(part, dict) else {}


def _concern_of(about: Mapping[str, Any]) -> ChargeConcern | None:
    status = str(about.get("status"))
    if about.get("object") == "dispute" and DISPUTE_STATUS.get(status) is DisputeStatus.NEEDS_RESPONSE:
        return ChargeConcern.DISPUTED
    if about.get("object") == "refund" and REFUND_STATUS.get(status) is RefundStatus.FAILED:
        return ChargeConcern.REFUND_FAILED
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
