"""Payments over both rails: their states and how news moves them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from domain.account_number import AccountNumber
from domain.errors import InvalidState, PaymentInDoubt
from domain.ids import AccountId, PaymentId, UserId
from domain.money import Money


class Rail(StrEnum):
    BANK = "BANK"
    CARD = "CARD"


class Status(StrEnum):
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
        return self in _FINAL


_FINAL = frozenset({Status.SETTLED, Status.REJECTED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})
_OPEN = _FINAL | {Status.SCHEDULED, Status.PROCESSING}
# Jumps ahead are listed: a webhook may overtake the reply that it belongs to.
_NEXT: Mapping[Status, frozenset[Status]] = {
    Status.CREATED: _OPEN | {Status.AUTHORISATION_REQUIRED},
    Status.AUTHORISATION_REQUIRED: _OPEN,
    Status.SCHEDULED: _OPEN - {Status.SCHEDULED},
    Status.PROCESSING: frozenset({Status.SETTLED, Status.REJECTED, Status.FAILED, Status.CANCELLED}),
    # Ends that we declared: money that moved all the same must have a payment to land on.
    Status.EXPIRED: frozenset({Status.SETTLED}),
    Status.CANCELLED: frozenset({Status.SETTLED}),
    Status.FAILED: frozenset({Status.SETTLED}),
}  # SETTLED and REJECTED are the vendor's own word


class FailureCode(StrEnum):
    AUTHORISATION_REFUSED = "AUTHORISATION_REFUSED"
    AUTHORISATION_EXPIRED = "AUTHORISATION_EXPIRED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    EXECUTION_FAILED = "EXECUTION_FAILED"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    REJECTED_BY_BANK = "REJECTED_BY_BANK"
    CARD_DECLINED = "CARD_DECLINED"
    CARD_EXPIRED = "CARD_EXPIRED"
    INCORRECT_CARD_DETAILS = "INCORRECT_CARD_DETAILS"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    PROCESSING_ERROR = "PROCESSING_ERROR"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a payment did not succeed; `message` may be shown to the user."""

    code: FailureCode
    message: str


class CancellationStatus(StrEnum):
    AUTHORISATION_REQUIRED = "AUTHORISATION_REQUIRED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What a bank, a webhook or an operator reports of a payment."""

    status: Status
    cause: str
    at: datetime
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    payment_id: PaymentId
    version: int
    status: Status
    cause: str
    at: datetime
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it stands. `version` rises by one with each event of its history.

    On the bank rail `debtor_account_id` is set; on the card rail `client_secret` lets the payer's own client pay.
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
    authorisation_url: str | None = None
    client_secret: str | None = None
    cancellation_status: CancellationStatus | None = None
    cancellation_url: str | None = None
    in_doubt: bool = False
    version: int = 0

    def apply(self, news: StatusUpdate) -> tuple["Payment", PaymentEvent | None]:
        """Take what a bank or webhook reports. Gives the payment and the event to append, None where nothing moved."""
        is_same = not self.status.is_final and news.status is self.status
        # A declined card, the next try after it, or an answer that ends the doubt: the status alone does not tell.
        tells_more = is_same and (news.failure != self.failure or self.in_doubt)
        if not tells_more and news.status not in _NEXT.get(self.status, frozenset()):
            return self, None
        corrected = self.status.is_final and news.status is Status.SETTLED
        moved = replace(self, status=news.status, failure=news.failure, in_doubt=False, version=self.version + 1)
        cause = "vendor_correction" if corrected else news.cause
        return moved, PaymentEvent(self.id, moved.version, moved.status, cause, news.at, news.failure)

    def require_cancellable(self) -> None:
        """Raises InvalidState where it is over or too late, PaymentInDoubt where nobody knows."""
        if self.status.is_final:
            raise InvalidState(f"The payment is {self.status} and can no longer be cancelled.")
        if self.in_doubt:
            raise PaymentInDoubt

    def _note(self, cause: str, at: datetime) -> PaymentEvent:
        return PaymentEvent(self.id, self.version, self.status, cause, at, self.failure)

    def doubted(
        self, cause: str, at: datetime, *, asked_in: Status = Status.CREATED
    ) -> tuple["Payment", PaymentEvent | None]:
        """The vendor was asked in this status and did not answer: its outcome is not known."""
        if self.in_doubt or self.status is not asked_in:
            return self, None
        doubted = replace(self, in_doubt=True, version=self.version + 1)
        return doubted, doubted._note(cause, at)

    def noted(self, cause: str, at: datetime) -> tuple["Payment", PaymentEvent]:
        """Something beside the status changed, such as a refund: a version of its own."""
        noted = replace(self, version=self.version + 1)
        return noted, noted._note(cause, at)

    def cancelling(
        self, status: CancellationStatus, url: str | None, cause: str, at: datetime
    ) -> tuple["Payment", PaymentEvent]:
        """What the bank answered to the user's wish to cancel; the payment's own status moves only on its CANC."""
        asked = replace(self, cancellation_status=status, cancellation_url=url, version=self.version + 1)
        return asked, asked._note(cause, at)
