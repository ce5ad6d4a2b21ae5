"""What a payment, a refund, a dispute, an invoice or a statement's line has moved: its entries of the ledger."""

from collections.abc import Collection
from datetime import UTC, datetime, time
from typing import Final

from domain.bank_account import Transaction
from domain.dispute import Dispute, DisputeStatus
from domain.ledger import EntryKind, LedgerEntry
from domain.line_match import LineMatch
from domain.money import Money
from domain.payment import Payment, Rail, Status
from domain.plan import InvoiceStatus, PlanInvoice
from domain.refund import Refund, RefundStatus

_OF_LINE: Final = {LineMatch.DEBIT: EntryKind.BOOKED, LineMatch.RETURN: EntryKind.RETURNED}
_OF_WITHDRAWN: Final = {LineMatch.DEBIT: EntryKind.BOOKING_WITHDRAWN, LineMatch.RETURN: EntryKind.RETURN_WITHDRAWN}


def of_card_payment(payment: Payment, at: datetime) -> list[LedgerEntry]:
    """What a payment by card has moved, if it is settled: a bank payment's money is told of by its statement."""
    if payment.rail is not Rail.CARD or payment.status is not Status.SETTLED:
        return []
    reference = payment.vendor_payment_id or payment.id  # an operator may settle what the vendor never answered for
    return [LedgerEntry(EntryKind.CHARGED, payment.amount, payment.vendor, reference, at, payment.id)]


def of_refund(refund: Refund, vendor: str, at: datetime, recorded: Collection[EntryKind] = ()) -> list[LedgerEntry]:
    """What a refund has moved and the ledger lacks. `recorded` are the kinds that the ledger has of this refund."""
    has_come_back = refund.status is RefundStatus.FAILED and EntryKind.REFUNDED in recorded
    kind = EntryKind.REFUND_REVERSED if has_come_back else EntryKind.REFUNDED
    if kind in recorded or not (has_come_back or refund.status is RefundStatus.SUCCEEDED):
        return []
    reference = refund.vendor_refund_id or refund.id
    return [LedgerEntry(kind, refund.amount, vendor, reference, at, refund.payment_id, refund_id=refund.id)]


def of_dispute(dispute: Dispute, vendor: str, at: datetime, recorded: Collection[EntryKind] = ()) -> list[LedgerEntry]:
    """What a dispute has moved and the ledger lacks: nothing before it is lost. `recorded` is as in `of_refund`."""
    reference = dispute.vendor_dispute_id
    return [
        LedgerEntry(kind, dispute.amount, vendor, reference, at, dispute.payment_id, dispute_id=dispute.id)
        for kind in _of_decision(dispute.status, recorded)
    ]


def of_plan_dispute(
    invoice: PlanInvoice,
    vendor: str,
    reference: str,
    amount: Money,
    status: DisputeStatus,
    at: datetime,
    recorded: Collection[EntryKind],
) -> list[LedgerEntry]:
    """As `of_dispute`, for a dispute of a plan's charge, which has no row: `reference` is the vendor's id of it."""
    return [
        LedgerEntry(kind, amount, vendor, reference, at, plan_invoice_id=invoice.id)
        for kind in _of_decision(status, recorded)
    ]


def _of_decision(status: DisputeStatus, recorded: Collection[EntryKind]) -> list[EntryKind]:
    has_come_back = status is DisputeStatus.WON and EntryKind.DISPUTED in recorded
    kind = EntryKind.DISPUTE_REVERSED if has_come_back else EntryKind.DISPUTED
    has_moved = has_come_back or status is DisputeStatus.LOST
    return [kind] if has_moved and kind not in recorded else []


def of_invoice(invoice: PlanInvoice, vendor: str, at: datetime) -> list[LedgerEntry]:
    """What a plan's invoice has moved: charged, and given back where that was after the plan's end."""
    kinds = {
        InvoiceStatus.PAID: (EntryKind.CHARGED,),
        InvoiceStatus.REFUNDED: (EntryKind.CHARGED, EntryKind.REFUNDED),
    }.get(invoice.status, ())
    reference = invoice.vendor_invoice_id
    return [LedgerEntry(kind, invoice.amount, vendor, reference, at, plan_invoice_id=invoice.id) for kind in kinds]


def of_line(payment: Payment, line: Transaction, found: LineMatch) -> list[LedgerEntry]:
    """What a booked line has moved of the payment: it has a date alone, so it moved at that day's beginning (UTC)."""
    if found not in _OF_LINE:
        return []
    at = datetime.combine(line.booking_date, time(), UTC)
    amount = Money(abs(line.amount.amount_minor), line.amount.currency)
    return [LedgerEntry(_OF_LINE[found], amount, payment.vendor, line.id, at, payment.id)]


def of_withdrawn_line(payment: Payment, line: Transaction, was: LineMatch, at: datetime) -> list[LedgerEntry]:
    """That the bank has taken a line back which had shown money of the payment to move; `was` says which."""
    amount = Money(abs(line.amount.amount_minor), line.amount.currency)
    return [LedgerEntry(_OF_WITHDRAWN[was], amount, payment.vendor, line.id, at, payment.id)]
