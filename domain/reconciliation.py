"""What a vendor's list shows, held against what is stored here: which differences there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.dispute import DisputeStatus
from domain.ids import PLAN_SUBSCRIPTION, kind_of
from domain.money import Money
from domain.payment import Status
from domain.plan import InvoiceStatus, PlanStatus
from domain.refund import RefundStatus


class ObjectKind(StrEnum):
    """What is listed and compared. The values are stored."""

    PAYMENT = "PAYMENT"
    REFUND = "REFUND"
    DISPUTE = "DISPUTE"
    PLAN = "PLAN"
    PLAN_INVOICE = "PLAN_INVOICE"


class DifferenceKind(StrEnum):
    """How a vendor's list and what is stored differ. The values are stored.

    UNKNOWN_HERE is the vendor's alone, ABSENT_THERE ours alone. UNREADABLE could not be read in the list. NOT_BOOKED is
    a payment that its bank has called settled and whose account's statement does not show it, NOT_SETTLED the reverse.
    """

    UNKNOWN_HERE = "UNKNOWN_HERE"
    ABSENT_THERE = "ABSENT_THERE"
    AMOUNT = "AMOUNT"
    STATUS = "STATUS"
    UNREADABLE = "UNREADABLE"
    NOT_BOOKED = "NOT_BOOKED"
    NOT_SETTLED = "NOT_SETTLED"


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a vendor's list. `reference` is the vendor's id, `our_id` ours where the object bears it.

    `status` is our word of the kind, None for one that is not known. `parent` is the vendor's id of what it belongs to:
    of a refund and a dispute the payment, of an invoice the plan. A plan has no `amount`.
    """

    kind: ObjectKind
    reference: str
    status: str | None
    amount: Money | None
    our_id: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored here of such an object. `reference` is None until the vendor has answered."""

    id: str
    reference: str | None
    status: str
    amount: Money | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference that was found. `listed` is how the vendor had the object, `ours` our status of it then.

    Of what the vendor does not have (ABSENT_THERE, NOT_BOOKED) `listed` names our object, without a status. The last
    four are set once it is stored: `told_at` is when operators were alerted.
    """

    kind: DifferenceKind
    listed: Listed
    our_id: str | None = None
    ours: str | None = None
    id: str = ""
    vendor: str = ""
    found_at: datetime | None = None
    told_at: datetime | None = None


# Pairs of theirs and ours that say the same. What the vendor cancelled may have ended here for another reason, and the
# vendor's invoice stays paid where its charge was given back.
_SAME: Final[Mapping[ObjectKind, frozenset[tuple[str, str]]]] = {
    ObjectKind.PAYMENT: frozenset(
        {
            (Status.AUTHORISATION_REQUIRED, Status.CREATED),
            (Status.CANCELLED, Status.EXPIRED),
            (Status.CANCELLED, Status.FAILED),
        }
    ),
    ObjectKind.REFUND: frozenset[tuple[str, str]](),
    ObjectKind.DISPUTE: frozenset({(DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW)}),
    ObjectKind.PLAN: frozenset({(PlanStatus.INCOMPLETE, PlanStatus.CREATED)}),
    ObjectKind.PLAN_INVOICE: frozenset({(InvoiceStatus.PAID, InvoiceStatus.REFUNDED)}),
}
# What may be as it is at the vendor without a row here: nothing has moved.
_IDLE: Final = frozenset({RefundStatus.FAILED, Status.CANCELLED, InvoiceStatus.VOID})


def difference(listed: Listed, stored: Stored | None, parent: Stored | None = None) -> DifferenceKind | None:
    """How an object of the vendor's list differs from what is stored of it; None where it does not.

    `parent` is what is stored of what it belongs to: a plan's charge that was given back has no refund of its own, and
    one that is disputed no dispute.
    """
    if stored is None:
        if listed.kind is ObjectKind.REFUND and parent is not None and parent.status == InvoiceStatus.REFUNDED:
            return None
        if is_of_plan(listed, parent):
            return None
        return None if listed.our_id is None and listed.status in _IDLE else DifferenceKind.UNKNOWN_HERE
    if listed.kind is ObjectKind.REFUND and stored.reference not in (None, listed.reference):
        return None  # an earlier try, after which another was sent
    if listed.amount is not None and listed.amount != stored.amount:
        return DifferenceKind.AMOUNT
    is_same = listed.status == stored.status or (listed.status, stored.status) in _SAME[listed.kind]
    return None if is_same else DifferenceKind.STATUS


def is_of_plan(listed: Listed, parent: Stored | None) -> bool:
    """Whether it is the dispute of a plan's charge, of which the ledger alone has a line once it is decided."""
    return listed.kind is ObjectKind.DISPUTE and parent is not None and kind_of(parent.id) == PLAN_SUBSCRIPTION
