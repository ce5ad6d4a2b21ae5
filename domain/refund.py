"""Money given back to a card, in part or in full."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from domain.dispute import Dispute
from domain.errors import InvalidInput, InvalidState
from domain.ids import PaymentId, RefundId
from domain.money import Money
from domain.payment import Payment, Rail, Status


class RefundStatus(StrEnum):
    """How far a refund has come at the vendor."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class PaymentRefundStatus(StrEnum):
    """How much of a payment has been refunded; computed, never stored."""

    NONE = "NONE"
    PARTIAL = "PARTIAL"
    FULL = "FULL"


class RefundFailureCode(StrEnum):
    """Why a refund came to nothing. A lost card reads as any other that takes no money: no thief learns of it."""

    CARD_NOT_USABLE = "CARD_NOT_USABLE"
    DECLINED = "DECLINED"
    DISPUTED = "DISPUTED"
    CANCELLED = "CANCELLED"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    FAILED = "FAILED"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.FAILED  # a code that a later version has stored


# Given back or about to be, so that it cannot be refunded a second time.
COUNTED = frozenset({RefundStatus.PENDING, RefundStatus.SUCCEEDED})
# A refund that succeeded can come back days later, when the card is closed.
_NEXT = {
    RefundStatus.PENDING: {RefundStatus.SUCCEEDED, RefundStatus.FAILED},
    RefundStatus.SUCCEEDED: {RefundStatus.FAILED},
    RefundStatus.FAILED: set[RefundStatus](),
}


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back on one card payment. `vendor_refund_id` is None until the vendor takes it."""

    id: RefundId
    payment_id: PaymentId
    amount: Money
    created_at: datetime
    updated_at: datetime
    status: RefundStatus = RefundStatus.PENDING
    failure: RefundFailureCode | None = None
    vendor_refund_id: str | None = None

    def apply(
        self, status: RefundStatus | None, reference: str | None, failure: RefundFailureCode | None, at: datetime
    ) -> "Refund":
        """Take what the vendor reports; `reference` is None for a refund that the vendor did not take.

        A `status` that is not known (None) and a late or repeated report move nothing. What the vendor was
        taken to refuse and has all the same is as it says; a refusal says nothing of a refund that it has.
        """
        if reference is None and self.vendor_refund_id is not None:
            return self
        is_known = reference is None or self.vendor_refund_id == reference
        known = self if is_known else replace(self, vendor_refund_id=reference)
        is_made_after_all = self.status is RefundStatus.FAILED and self.vendor_refund_id is None
        if status is None or status not in (
            COUNTED if is_made_after_all and reference is not None else _NEXT[self.status]
        ):
            return known
        return replace(known, status=status, failure=failure, updated_at=at)

    def awaiting_funds(self, at: datetime) -> "Refund":
        """Wait for Drop's own balance at the vendor, which did not cover the vendor's last try: it is forgotten.

        `updated_at` then differs from `created_at`, which says that the next try needs a key of its own.
        """
        return replace(self, vendor_refund_id=None, updated_at=at)


def refund_status(payment: Payment) -> PaymentRefundStatus:
    """Whether nothing, a part or all of the payment was refunded or is about to be."""
    if payment.refunded_minor == 0:
        return PaymentRefundStatus.NONE
    is_all = payment.refunded_minor >= payment.amount.amount_minor
    return PaymentRefundStatus.FULL if is_all else PaymentRefundStatus.PARTIAL


def refundable(payment: Payment, disputes: Sequence[Dispute], wanted: Money | None) -> Money:
    """The amount to refund: `wanted`, or all that remains where it is None.

    Raises InvalidState where the payment cannot be refunded now, InvalidInput where the amount is wrong.
    """
    if payment.rail is not Rail.CARD:
        message = "Only card payments can be refunded here; ask the payee of a bank payment."
        raise InvalidState(message, text="ONLY_CARD_PAYMENTS_REFUNDED")
    if payment.status is not Status.SETTLED:
        message = f"The payment is {payment.status}: only what is settled can be refunded."
        raise InvalidState(message, text="NOT_SETTLED")
    if any(dispute.is_open for dispute in disputes):
        raise InvalidState("The payment is disputed; its outcome decides about the money.", text="DISPUTED")
    left = payment.amount.amount_minor - payment.refunded_minor
    if left <= 0:
        raise InvalidState("The payment has been refunded in full.", text="REFUNDED_IN_FULL")
    if wanted is None:
        return Money(left, payment.amount.currency)
    if wanted.currency != payment.amount.currency:
        message = f"Refund in {payment.amount.currency}, as it was paid."
        raise InvalidInput(
            "UNSUPPORTED_CURRENCY",
            message,
            field=("input", "amount", "currency"),
            text="REFUND_IN_ANOTHER_CURRENCY",
            values={"currency": payment.amount.currency},
        )
    if not 0 < wanted.amount_minor <= left:
        raise InvalidInput(
            "INVALID_AMOUNT",
            f"amountMinor must be 1 to {left}.",
            field=("input", "amount", "amountMinor"),
            text="AMOUNT_NOT_REFUNDABLE",
            values={"largest": Money(left, payment.amount.currency)},
        )
    return wanted
