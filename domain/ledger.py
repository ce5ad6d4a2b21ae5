"""The ledger: what moved, by the word of the vendor whose object it is. Entries are added and never changed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.ids import DisputeId, PaymentId, PlanInvoiceId, RefundId
from domain.money import Money


class EntryKind(StrEnum):
    """What moved. The values are stored.

    CHARGED was taken from a card, REFUNDED given back to it, and REFUND_REVERSED came back since the card's bank did
    not take it. DISPUTED went to the card holder by a dispute that was lost, DISPUTE_REVERSED came back of that.
    BOOKED left the payer's bank account, RETURNED was sent back to it; the bank has taken the line back that showed so
    with BOOKING_WITHDRAWN and RETURN_WITHDRAWN.
    """

    CHARGED = "CHARGED"
    REFUNDED = "REFUNDED"
    REFUND_REVERSED = "REFUND_REVERSED"
    DISPUTED = "DISPUTED"
    DISPUTE_REVERSED = "DISPUTE_REVERSED"
    BOOKED = "BOOKED"
    RETURNED = "RETURNED"
    BOOKING_WITHDRAWN = "BOOKING_WITHDRAWN"
    RETURN_WITHDRAWN = "RETURN_WITHDRAWN"


# What the payer has got back, and what of that was undone.
GIVEN_BACK: Final = frozenset({EntryKind.REFUNDED, EntryKind.DISPUTED, EntryKind.RETURNED})
UNDONE: Final = frozenset({EntryKind.REFUND_REVERSED, EntryKind.DISPUTE_REVERSED, EntryKind.RETURN_WITHDRAWN})
# What a line of a statement has shown, by the kind with which the bank takes it back.
_SHOWN: Final = {
    EntryKind.BOOKING_WITHDRAWN: EntryKind.BOOKED,
    EntryKind.RETURN_WITHDRAWN: EntryKind.RETURNED,
}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A movement of money, once per kind and vendor's object. `amount` is positive; the kind tells its direction.

    `payment_id` or `plan_invoice_id` is what was paid, `refund_id` or `dispute_id` what gave it back. Of a statement's
    line the object is our id of the line, since banks give a line another id at another reading.
    """

    kind: EntryKind
    amount: Money
    vendor: str
    vendor_object_id: str
    moved_at: datetime
    payment_id: PaymentId | None = None
    plan_invoice_id: PlanInvoiceId | None = None
    refund_id: RefundId | None = None
    dispute_id: DisputeId | None = None


def standing(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """The entries of a bank payment whose lines the bank has not taken back."""
    taken = {(_SHOWN[entry.kind], entry.vendor_object_id) for entry in entries if entry.kind in _SHOWN}
    return [
        entry for entry in entries if entry.kind not in _SHOWN and (entry.kind, entry.vendor_object_id) not in taken
    ]


def is_made_good(entries: Sequence[LedgerEntry]) -> bool:
    """Whether other lines have come in the place of those that the bank has taken back of a payment."""
    moved: Counter[EntryKind] = Counter()
    for entry in entries:
        moved[entry.kind] += entry.amount.amount_minor
    has_debit = moved[EntryKind.BOOKED] > moved[EntryKind.BOOKING_WITHDRAWN]
    returned = moved[EntryKind.RETURNED] - moved[EntryKind.RETURN_WITHDRAWN]
    is_debited = has_debit or not moved[EntryKind.BOOKING_WITHDRAWN]
    return is_debited and returned >= moved[EntryKind.RETURN_WITHDRAWN]
