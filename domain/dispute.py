"""A card holder's objection to a charge, decided by the card's bank."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.ids import DisputeId, PaymentId
from domain.money import Money


class DisputeStatus(StrEnum):
    """How far a dispute has come: WON leaves the money with Drop, LOST gives it to the card holder."""

    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    UNDER_REVIEW = "UNDER_REVIEW"
    WON = "WON"
    LOST = "LOST"


_DECIDED: Final = frozenset({DisputeStatus.WON, DisputeStatus.LOST})


@dataclass(frozen=True, slots=True)
class Dispute:
    """A card holder's objection to one payment. `reason` is the card network's word, such as `fraudulent`.

    `evidence_due_by` is when the card's bank decides without Drop's evidence.
    """

    id: DisputeId
    payment_id: PaymentId
    vendor_dispute_id: str
    status: DisputeStatus
    amount: Money
    reason: str
    evidence_due_by: datetime | None
    created_at: datetime

    def may_become(self, reported: DisputeStatus) -> bool:
        """Whether the vendor's answer is news: what was decided is not open again, but may be decided anew."""
        return self.is_open or reported in _DECIDED

    @property
    def is_open(self) -> bool:
        """Whether the card's bank has not decided yet."""
        return self.status not in _DECIDED
