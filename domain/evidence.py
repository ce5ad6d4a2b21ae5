"""When a payment should stand in its account's statement, and when it proves something that it does not."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.banking_days import banking_day_after, banking_day_from
from domain.clock import oslo_date
from domain.consent import names_matching
from domain.payment import Payment

# Longer than any bank's approval page works, which is minutes (unconfirmed: nextgenpsd2.md, Payments).
PAGE_LIVES: Final = timedelta(hours=1)
# Banking days after the day on which the bank carries a payment out: by then any bank should have told its end.
OVERDUE_AFTER: Final = 3


class Waiting(StrEnum):
    """Why the absence of a payment proves nothing yet, as operators read it.

    CONSENT: no active consent covers the account. CONSENT_TEXT: the one that does is older than the text that names
    this use, so that it has to be renewed. BANKING_DAY: the bank may still carry the payment out. READING: no complete
    reading of the account is late enough.
    LIKE_DEBIT: a line may be the payment. NO_IDS: the bank is not known to give end-to-end ids back.
    """

    CONSENT = "CONSENT"
    CONSENT_TEXT = "CONSENT_TEXT"
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


def execution_day(payment: Payment) -> date:
    """The banking day on which the bank carries the payment out."""
    asked = payment.scheduled_for or oslo_date(payment.created_at + PAGE_LIVES)
    return banking_day_from(asked, payment.amount.currency)


def last_day(payment: Payment) -> date:
    """The next banking day after the one on which the bank carries the payment out."""
    return _banking_days_after(payment, 1)


def is_left_to_statement(payment: Payment, today: date, *, tells_end: bool) -> bool:
    """Whether the account's statement has to tell the end of a payment that the bank has taken.

    `tells_end`: the bank is not known to stop at an earlier status. One that has said nothing of the end by the day
    after `last_day` stops there, too.
    """
    if not payment.is_with_bank or payment.in_doubt:
        return False
    return today > last_day(payment) if tells_end else today >= execution_day(payment)


def is_overdue(payment: Payment, today: date, *, is_read: bool = True) -> bool:
    """Whether a payment that is with the bank has been without an end for too long. `today` is the date in Oslo.

    `is_read`: the bank tells how it stands. Where it does not, what awaited its approval may be with the bank, too.
    """
    may_be_with_bank = payment.is_with_bank or not (is_read or payment.status.is_final)
    return may_be_with_bank and today > _banking_days_after(payment, OVERDUE_AFTER)


def _banking_days_after(payment: Payment, days: int) -> date:
    """The banking day that comes so many after the one on which the bank carries the payment out."""
    return banking_day_after(execution_day(payment), days, payment.amount.currency)


def waits_for(
    payment: Payment,
    reading: LastReading | None,
    *,
    text_version: int | None,
    has_like_debit: bool,
    gives_ids: bool,
    today: date,
) -> Waiting | None:
    """What has to come before absence proves that the bank does not carry the payment out; None where it does.

    `text_version` is that of the active consent's text, None without such a consent. `has_like_debit`: a line bears the
    payment's id, or is of its amount and bears none of ours. `gives_ids`: the bank's lines bear the end-to-end ids of
    payments. `today` is the date in Oslo.
    """
    if text_version is None:
        return Waiting.CONSENT
    if not names_matching(text_version):
        return Waiting.CONSENT_TEXT
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
