"""When it proves something that a payment does not stand in its account's statement."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.banking_days import banking_day_from
from domain.clock import oslo_date
from domain.payment import Payment

# Longer than any bank's approval page works, which is minutes (unconfirmed: nextgenpsd2.md, Payments).
PAGE_LIVES: Final = timedelta(hours=1)
_A_DAY: Final = timedelta(days=1)


class Waiting(StrEnum):
    """Why the absence of a payment proves nothing yet, as operators read it.

    BANKING_DAY: the bank may still carry it out. READING: no complete reading of the account is late enough.
    LIKE_DEBIT: a line may be the payment. NO_IDS: the bank is not known to give end-to-end ids back.
    """

    BANKING_DAY = "BANKING_DAY"
    READING = "READING"
    LIKE_DEBIT = "LIKE_DEBIT"
    NO_IDS = "NO_IDS"


@dataclass(frozen=True, slots=True)
class LastReading:
    """The newest reading of an account's statement: when it began, from which day on it shows lines.

    It is complete if it has all pages and nothing in it was unreadable.
    """

    began: datetime
    since: date
    is_complete: bool


def last_day(payment: Payment) -> date:
    """The next banking day after the one on which the bank carries the payment out."""
    asked = payment.scheduled_for or oslo_date(payment.created_at + PAGE_LIVES)
    currency = payment.amount.currency
    return banking_day_from(banking_day_from(asked, currency) + _A_DAY, currency)


def waits_for(
    payment: Payment, reading: LastReading | None, *, has_like_debit: bool, gives_ids: bool, today: date
) -> Waiting | None:
    """What has to come before absence proves that the bank does not carry the payment out; None where it does.

    `has_like_debit`: a line bears the payment's id, or is of its amount and bears none of ours. `gives_ids`: the bank's
    lines bear the end-to-end ids of payments. `today` is the date in Oslo.
    """
    last = last_day(payment)
    if today <= last:
        return Waiting.BANKING_DAY
    if reading is None or not reading.is_complete or oslo_date(reading.began) <= last:
        return Waiting.READING
    # Some banks leave the first day of the period out.
    if reading.since >= oslo_date(payment.created_at):
        return Waiting.READING
    if has_like_debit:
        return Waiting.LIKE_DEBIT
    return None if gives_ids else Waiting.NO_IDS
