"""A payment that its bank has forgotten, and what may be concluded from that."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.banking_days import banking_day_after
from domain.clock import oslo_date
from domain.evidence import PAGE_LIVES
from domain.payment import Failure, Payment, PaymentCause, PaymentEvent, Sca, Status, StatusUpdate

# An id that is not known may be known again a moment later: the bank is asked so often, over that time.
ASKS: Final = 3
OVER: Final = timedelta(hours=1)
WATCHED_BANKING_DAYS: Final = 10


class Conclusion(StrEnum):
    """What the bank's silence about a payment means so far."""

    WAIT = "WAIT"
    EXPIRED = "EXPIRED"
    IN_DOUBT = "IN_DOUBT"


def conclusion(payment: Payment, now: datetime, *, is_expired: bool) -> Conclusion:
    """What may be concluded. `is_expired`: the bank says that the payment has lapsed, not only that its id is unknown.

    The payment has not been approved if its SCA status, as last read, is before `finalised` and the link has run out.
    If no SCA status was read, or the payment was approved, its outcome is not known.
    """
    since = payment.unknown_since or now
    if not is_expired and (payment.unknown_asks < ASKS or now < since + OVER):
        return Conclusion.WAIT
    is_unapproved = payment.status in (Status.CREATED, Status.AUTHORISATION_REQUIRED)
    if not is_unapproved or payment.sca in (None, Sca.DONE):
        return Conclusion.IN_DOUBT
    ends_at = payment.authorisation.expires_at if payment.authorisation is not None else None
    return Conclusion.WAIT if now < (ends_at or payment.created_at + PAGE_LIVES) else Conclusion.EXPIRED


def concluded(
    payment: Payment, status: Status, failure: Failure | None, at: datetime
) -> tuple[Payment, PaymentEvent | None]:
    """End a payment by our own conclusion: marked as inferred, and watched. No event if it has moved on meanwhile."""
    after, event = payment.apply(StatusUpdate(status, PaymentCause.INFERRED, at, failure))
    return (replace(after, watched_until=watched_until(payment)), event) if event is not None else (payment, None)


def is_watched(payment: Payment, today: date) -> bool:
    """Whether the payment's end was inferred, and the money may still move. `today` is the date in Oslo."""
    until = payment.watched_until
    return until is not None and payment.status.is_final and payment.status is not Status.SETTLED and today <= until


def watched_until(payment: Payment) -> date:
    """The last day in Oslo on which an end that was inferred is checked: the tenth banking day after the execution."""
    day = payment.scheduled_for or oslo_date(payment.created_at)
    return banking_day_after(day, WATCHED_BANKING_DAYS, payment.amount.currency)
