"""Payments over both rails: their statuses, and how status updates move them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Self

from domain.account_number import AccountNumber
from domain.authorisation import SealedAuthorisation
from domain.errors import InvalidState, PaymentInDoubt
from domain.ids import AccountId, PaymentId, UserId
from domain.money import Money
from domain.text import Text


class Rail(StrEnum):
    """How the money moves: from an account at the user's bank, or from a card."""

    BANK = "BANK"
    CARD = "CARD"


class Status(StrEnum):
    """How far a payment has come, on either rail. SCHEDULED waits for its execution date."""

    CREATED = "CREATED"
    AUTHORISATION_REQUIRED = "AUTHORISATION_REQUIRED"
    SCHEDULED = "SCHEDULED"
    PROCESSING = "PROCESSING"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """Whether the payment has ended. SETTLED may still follow an end that Drop declared itself."""
        return self in FINAL


FINAL: Final = frozenset({Status.SETTLED, Status.REJECTED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})
_OPEN = FINAL | {Status.SCHEDULED, Status.PROCESSING}
# Statuses may be skipped: a webhook may overtake the vendor's reply to the call that caused it.
_NEXT: Mapping[Status, frozenset[Status]] = {
    Status.CREATED: _OPEN | {Status.AUTHORISATION_REQUIRED},
    Status.AUTHORISATION_REQUIRED: _OPEN,
    Status.SCHEDULED: _OPEN - {Status.SCHEDULED},
    Status.PROCESSING: frozenset({Status.SETTLED, Status.REJECTED, Status.FAILED, Status.CANCELLED}),
    # Drop declared these ends itself: money that moved all the same, as the vendor reports it, settles the payment.
    Status.EXPIRED: frozenset({Status.SETTLED}),
    Status.CANCELLED: frozenset({Status.SETTLED}),
    Status.FAILED: frozenset({Status.SETTLED}),
}  # Nothing follows SETTLED and REJECTED, which the vendor reported, but what `Payment.may_have_moved` tells.
# A delayed payment method, such as a debit of a bank account, may come back days after the card vendor has taken it.
_NEXT_BY_CARD: Mapping[Status, frozenset[Status]] = {
    Status.PROCESSING: _NEXT[Status.PROCESSING] | {Status.AUTHORISATION_REQUIRED, Status.EXPIRED},
}


class FailureCode(StrEnum):
    """Why a payment did not succeed, in words that clients may branch on.

    One that a later version has stored reads as OTHER.
    """

    AUTHORISATION_REFUSED = "AUTHORISATION_REFUSED"
    AUTHORISATION_EXPIRED = "AUTHORISATION_EXPIRED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    AUTHORISATION_NOT_SUPPORTED = "AUTHORISATION_NOT_SUPPORTED"
    EXECUTION_FAILED = "EXECUTION_FAILED"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    REJECTED_BY_BANK = "REJECTED_BY_BANK"
    CARD_DECLINED = "CARD_DECLINED"
    CARD_EXPIRED = "CARD_EXPIRED"
    INCORRECT_CARD_DETAILS = "INCORRECT_CARD_DETAILS"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    PROCESSING_ERROR = "PROCESSING_ERROR"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER


class FailureDetail(StrEnum):
    """Which of the card's details is wrong, or why a bank took no payment (REJECTED_BY_BANK)."""

    CARD_NUMBER = "CARD_NUMBER"
    EXPIRY_DATE = "EXPIRY_DATE"
    SECURITY_CODE = "SECURITY_CODE"
    NOT_FROM_DROP = "NOT_FROM_DROP"
    EXECUTION_DATE_NOT_TAKEN = "EXECUTION_DATE_NOT_TAKEN"
    ABOVE_LIMIT = "ABOVE_LIMIT"
    PAYEE_NOT_KNOWN = "PAYEE_NOT_KNOWN"
    KID_WANTED = "KID_WANTED"
    USER_WANTED = "USER_WANTED"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a payment did not succeed. Without a `detail` its text says what the code alone tells."""

    code: FailureCode
    detail: FailureDetail | None = None

    @property
    def text(self) -> Text:
        return Text("payment_failure", self.detail or self.code)


def stored_failure(code: str | None, detail: str | None) -> Failure | None:
    """A failure as it was stored. A detail of a later version is left out: the code alone tells enough."""
    return Failure(FailureCode(code), FailureDetail(detail) if detail in set(FailureDetail) else None) if code else None


class CancellationStatus(StrEnum):
    """How far the user's wish to cancel has come at the bank, which may demand the user's approval."""

    AUTHORISATION_REQUIRED = "AUTHORISATION_REQUIRED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"


class Sca(StrEnum):
    """How far the user's approval at the bank was, when it was last read."""

    OPEN = "OPEN"
    DONE = "DONE"
    FAILED = "FAILED"


class PaymentCause(StrEnum):
    """What brought a step of a payment: who asked, or how Drop came to know. The values are stored.

    One that a later version has stored reads as OTHER.
    """

    USER = "USER"
    USER_RETURNED = "USER_RETURNED"
    VENDOR_REPLY = "VENDOR_REPLY"
    NO_ANSWER = "NO_ANSWER"
    VENDOR_UNAVAILABLE = "VENDOR_UNAVAILABLE"
    WEBHOOK = "WEBHOOK"
    VENDOR_READ = "VENDOR_READ"
    STATEMENT = "STATEMENT"
    VENDOR_CORRECTION = "VENDOR_CORRECTION"
    EXPIRY = "EXPIRY"
    INFERRED = "INFERRED"
    OPERATOR = "OPERATOR"
    KYC_LOST = "KYC_LOST"
    ACCOUNT_DELETION = "ACCOUNT_DELETION"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER


class PaymentEventKind(StrEnum):
    """What changed with a step of a payment. The values are stored.

    One that a later version has stored reads as OTHER.
    """

    STATUS = "STATUS"
    IN_DOUBT = "IN_DOUBT"
    CANCELLATION = "CANCELLATION"
    REFUND = "REFUND"
    DISPUTE = "DISPUTE"
    RETURN = "RETURN"
    OVERDUE = "OVERDUE"
    WITHDRAWN = "WITHDRAWN"
    LISTED_AGAIN = "LISTED_AGAIN"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER


@dataclass(frozen=True, slots=True)
class Payee:
    """Somebody whom a user has paid, by the newest payment to that account."""

    name: str
    account: AccountNumber
    last_payment_id: PaymentId
    last_payment_at: datetime


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What a bank, a webhook or an operator reports of a payment."""

    status: Status
    cause: PaymentCause
    at: datetime
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One entry of a payment's history: what it was at `version`, since when, what brought it and what changed."""

    payment_id: PaymentId
    version: int
    status: Status
    cause: PaymentCause
    at: datetime
    failure: Failure | None = None
    kind: PaymentEventKind = PaymentEventKind.STATUS


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it stands. `version` rises by one with each event of its history.

    On the bank rail `debtor_account_id` is set; on the card rail `client_secret` lets the payer's own client pay.
    `sca` is None if no SCA status was ever read. Of `unknown_asks` the bank did not know the payment, since
    `unknown_since`. `watched_until` is the last day in Oslo on which an end that was inferred is checked.
    `refunded_minor` is what was given back or is about to be, at the moment at which the payment was read;
    `returned_minor` is what the payee's bank has sent back to the payer's account, booked on `returned_on`.
    `overdue_since` is when operators and the user were told that no news comes of it. `withdrawn_since` is since when
    the bank lists a line no more that had shown the payment carried out or returned.
    """

    id: PaymentId
    user_id: UserId
    vendor: str
    amount: Money
    creditor_name: str
    creditor_account: AccountNumber
    created_at: datetime
    debtor_account_id: AccountId | None = None
    rail: Rail = Rail.BANK
    status: Status = Status.CREATED
    failure: Failure | None = None
    kid: str | None = None
    message: str | None = None
    scheduled_for: date | None = None
    end_to_end_id: str = ""
    vendor_payment_id: str | None = None
    authorisation: SealedAuthorisation | None = None
    client_secret: str | None = None
    cancellation_status: CancellationStatus | None = None
    cancellation_authorisation: SealedAuthorisation | None = None
    in_doubt: bool = False
    sca: Sca | None = None
    unknown_since: datetime | None = None
    unknown_asks: int = 0
    watched_until: date | None = None
    version: int = 0
    refunded_minor: int = 0
    returned_minor: int = 0
    returned_on: date | None = None
    overdue_since: datetime | None = None
    withdrawn_since: datetime | None = None

    @property
    def returned(self) -> Money:
        return Money(self.returned_minor, self.amount.currency)

    @property
    def may_have_moved(self) -> bool:
        """Whether a booked debit can be this payment, however it stands: not if the bank itself has rejected it.

        That the bank has not taken the payment, that the user has refused it, and what is watched are our conclusions.
        """
        refused = FailureCode.AUTHORISATION_REFUSED
        is_refused = self.failure is not None and self.failure.code is refused
        is_concluded = self.vendor_payment_id is None or self.watched_until is not None or is_refused
        return self.status is not Status.REJECTED or is_concluded

    @property
    def is_with_bank(self) -> bool:
        """Whether the bank has the payment, or may have it, and its news is all that can end it."""
        is_taken = self.in_doubt or self.status in (Status.SCHEDULED, Status.PROCESSING)
        return self.rail is Rail.BANK and is_taken and not self.status.is_final

    @property
    def refunded(self) -> Money:
        return Money(self.refunded_minor, self.amount.currency)

    @property
    def is_approved_elsewhere(self) -> bool:
        """Whether the user is asked to approve, or to cancel, without a page: no return tells when they have."""
        asked = [self.awaited, None if self.status.is_final else self.cancellation_authorisation]
        return any(awaited is not None and awaited.is_decoupled for awaited in asked)

    @property
    def awaited(self) -> SealedAuthorisation | None:
        """The approval of the payment that the user is asked for now, None where none is."""
        return self.authorisation if self.status is Status.AUTHORISATION_REQUIRED else None

    def apply(self, update: StatusUpdate) -> tuple["Payment", PaymentEvent | None]:
        """Take a status update. Gives the payment and the event to append, None where nothing changed."""
        is_same = not self.status.is_final and update.status is self.status
        # A declined card, the next try after it, and an answer that ends the doubt leave the status as it is.
        tells_more = is_same and (update.failure != self.failure or self.in_doubt)
        is_open = self.watched_until is not None or update.cause is PaymentCause.STATEMENT
        is_corrected = is_open and self.status is Status.REJECTED and self.may_have_moved
        may_follow = self._next | ({Status.SETTLED} if is_corrected else frozenset())
        if not tells_more and update.status not in may_follow:
            return self, None
        corrected = self.status.is_final and update.status is Status.SETTLED
        moved = replace(self, status=update.status, failure=update.failure, in_doubt=False, version=self.version + 1)
        cause = PaymentCause.VENDOR_CORRECTION if corrected else update.cause
        return moved, PaymentEvent(self.id, moved.version, moved.status, cause, update.at, update.failure)

    @property
    def _next(self) -> frozenset[Status]:
        """The statuses that may follow the present one."""
        by_both = _NEXT.get(self.status, frozenset())
        return _NEXT_BY_CARD.get(self.status, by_both) if self.rail is Rail.CARD else by_both

    def require_cancellable(self) -> None:
        """Raises InvalidState where the payment has ended, PaymentInDoubt where its outcome is not known."""
        if self.status.is_final:
            message = f"The payment is {self.status} and can no longer be cancelled."
            raise InvalidState(message, text="PAYMENT_NOT_CANCELLABLE")
        if self.in_doubt:
            raise PaymentInDoubt

    def _event(self, kind: PaymentEventKind, cause: PaymentCause, at: datetime) -> PaymentEvent:
        return PaymentEvent(self.id, self.version, self.status, cause, at, self.failure, kind)

    def marked_in_doubt(
        self,
        at: datetime,
        *,
        asked_in: Status = Status.CREATED,
        cause: PaymentCause = PaymentCause.NO_ANSWER,
    ) -> tuple["Payment", PaymentEvent | None]:
        """The vendor was asked while the payment was in `asked_in` and did not answer: the outcome is not known.

        The same object and None where the payment has moved on meanwhile, or is in doubt already.
        """
        if self.in_doubt or self.status is not asked_in:
            return self, None
        doubted = replace(self, in_doubt=True, version=self.version + 1)
        return doubted, doubted._event(PaymentEventKind.IN_DOUBT, cause, at)

    def with_event(self, kind: PaymentEventKind, cause: PaymentCause, at: datetime) -> tuple["Payment", PaymentEvent]:
        """The next version, for a change beside the status, such as a refund, and its event."""
        after = replace(self, version=self.version + 1)
        return after, after._event(kind, cause, at)

    def with_return(self, amount: Money, on: date, at: datetime) -> tuple["Payment", PaymentEvent]:
        """The payee's bank has sent money back. The status stays: the payment was carried out."""
        after, event = self.with_event(PaymentEventKind.RETURN, PaymentCause.STATEMENT, at)
        return replace(after, returned_minor=self.returned_minor + amount.amount_minor, returned_on=on), event

    def with_line_withdrawn(self, amount: Money, at: datetime) -> tuple["Payment", PaymentEvent]:
        """The bank lists a line no more that had shown the payment carried out (a debit), or returned (a credit).

        The status stays: what became of the money is for the bank to say.
        """
        after, event = self.with_event(PaymentEventKind.WITHDRAWN, PaymentCause.STATEMENT, at)
        left = self.returned_minor - max(amount.amount_minor, 0)
        returned_on = self.returned_on if left else None
        since = self.withdrawn_since or at
        return replace(after, returned_minor=left, returned_on=returned_on, withdrawn_since=since), event

    def with_line_listed_again(self, at: datetime) -> tuple["Payment", PaymentEvent]:
        """Another line has come in the place of what the bank had withdrawn."""
        after, event = self.with_event(PaymentEventKind.LISTED_AGAIN, PaymentCause.STATEMENT, at)
        return replace(after, withdrawn_since=None), event

    def with_watch_ended(self, at: datetime) -> tuple["Payment", PaymentEvent]:
        """An operator knows from the bank that the end which was inferred is right."""
        after, event = self.with_event(PaymentEventKind.STATUS, PaymentCause.OPERATOR, at)
        return replace(after, watched_until=None), event

    def with_withdrawal_resolved(self, at: datetime) -> tuple["Payment", PaymentEvent]:
        """An operator knows from the bank that the payment was carried out, whatever its statement lists."""
        after, event = self.with_event(PaymentEventKind.STATUS, PaymentCause.OPERATOR, at)
        return replace(after, withdrawn_since=None), event

    def marked_overdue(self, at: datetime) -> tuple["Payment", PaymentEvent | None]:
        """No news has come for too long; the same object and None where that was noted, or its end has come."""
        if self.overdue_since is not None or self.rail is not Rail.BANK or self.status.is_final:
            return self, None
        after, event = self.with_event(PaymentEventKind.OVERDUE, PaymentCause.NO_ANSWER, at)
        return replace(after, overdue_since=at), event

    def with_cancellation(
        self, status: CancellationStatus, awaited: SealedAuthorisation | None, cause: PaymentCause, at: datetime
    ) -> tuple["Payment", PaymentEvent]:
        """The bank's answer to the user's wish to cancel. The status changes only when the bank reports CANC."""
        asked = replace(self, cancellation_status=status, cancellation_authorisation=awaited, version=self.version + 1)
        return asked, asked._event(PaymentEventKind.CANCELLATION, cause, at)

    def with_cancellation_refused(self, cause: PaymentCause, at: datetime) -> tuple["Payment", PaymentEvent | None]:
        """The user, or the bank, did not let the cancellation be: the payment goes on. No event if none is awaited."""
        if self.status.is_final or self.cancellation_status is not CancellationStatus.AUTHORISATION_REQUIRED:
            return self, None
        return self.with_cancellation(CancellationStatus.REFUSED, None, cause, at)
