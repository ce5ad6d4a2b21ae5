"""What is stored and the ledger lacks: a release from before the ledger writes none while it runs beside this one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.ids import since_id
from db.tables.bank import BankTransactionRow
from db.tables.ledger import LedgerEntryRow
from db.tables.payment import DisputeRow, PaymentRow, RefundRow
from db.tables.plan import PlanInvoiceRow, PlanSubscriptionRow
from domain import ids
from domain.dispute import DisputeStatus
from domain.ledger import EntryKind, LedgerEntry
from domain.line_match import LineMatch
from domain.money import Money
from domain.payment import Rail, Status
from domain.plan import InvoiceStatus
from domain.refund import RefundStatus

_CARD: Final = (col(PaymentRow.rail) == Rail.CARD, col(PaymentRow.status) == Status.SETTLED)
# In which statuses an invoice has moved money so.
_INVOICES: Final = {
    EntryKind.CHARGED: (InvoiceStatus.PAID, InvoiceStatus.REFUNDED),
    EntryKind.REFUNDED: (InvoiceStatus.REFUNDED,),
}
# What has moved before it comes back.
_BEFORE: Final = {
    EntryKind.REFUND_REVERSED: EntryKind.REFUNDED,
    EntryKind.DISPUTE_REVERSED: EntryKind.DISPUTED,
}
_OF_LINE: Final = {LineMatch.DEBIT: EntryKind.BOOKED, LineMatch.RETURN: EntryKind.RETURNED}


@dataclass(frozen=True, slots=True)
class _GivenBack:
    """Rows of money that was given back of a payment: their name in the ledger, and in which status each has moved."""

    row: Any
    reference: Any
    at: Any
    name: str
    prefix: str
    statuses: Mapping[EntryKind, str]


_GIVEN_BACK: Final = (
    _GivenBack(
        RefundRow,
        func.coalesce(RefundRow.vendor_refund_id, RefundRow.id),
        RefundRow.updated_at,
        "refund_id",
        ids.REFUND,
        {EntryKind.REFUNDED: RefundStatus.SUCCEEDED, EntryKind.REFUND_REVERSED: RefundStatus.FAILED},
    ),
    _GivenBack(
        DisputeRow,
        DisputeRow.vendor_dispute_id,
        DisputeRow.created_at,
        "dispute_id",
        ids.DISPUTE,
        {EntryKind.DISPUTED: DisputeStatus.LOST, EntryKind.DISPUTE_REVERSED: DisputeStatus.WON},
    ),
)


class LedgerGapQueries:
    """Rows of all users that have moved money and have no entry. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def entries(self, since: datetime, limit: int) -> list[LedgerEntry]:
        """The entries that are lacking of rows made since a time, up to `limit` of each kind."""
        found = [*await self._charges(since, limit), *await self._lines(since, limit)]
        for where in _GIVEN_BACK:
            for kind in where.statuses:
                found += await self._given_back(where, kind, since, limit)
        for kind in _INVOICES:
            found += await self._invoices(kind, since, limit)
        return found

    async def _charges(self, since: datetime, limit: int) -> list[LedgerEntry]:
        reference = func.coalesce(PaymentRow.vendor_payment_id, PaymentRow.id)
        lacks = ~_has_entry(EntryKind.CHARGED, LedgerEntryRow.payment_id, PaymentRow.id)
        rows = await self._rows(
            select(PaymentRow.amount_minor, PaymentRow.currency, PaymentRow.vendor, reference, PaymentRow.created_at)  # type: ignore[call-overload]
            .add_columns(PaymentRow.id)
            .where(PaymentRow.id >= since_id(ids.PAYMENT, since), *_CARD, lacks)
            .limit(limit)
        )
        return [_entry(EntryKind.CHARGED, *row[:5], payment_id=row[5]) for row in rows]

    async def _given_back(self, where: _GivenBack, kind: EntryKind, since: datetime, limit: int) -> list[LedgerEntry]:
        row, about = where.row, getattr(LedgerEntryRow, where.name)
        moved = [row.id >= since_id(where.prefix, since), row.status == where.statuses[kind]]
        if kind in _BEFORE:  # what failed at once has moved nothing, and nothing has come back
            moved.append(_has_entry(_BEFORE[kind], about, row.id))
        rows = await self._rows(
            select(row.amount_minor, row.currency, col(PaymentRow.vendor), where.reference, where.at)  # type: ignore[call-overload]
            .add_columns(PaymentRow.id, row.id)
            .join(PaymentRow, col(PaymentRow.id) == row.payment_id)
            .where(*moved, ~_has_entry(kind, about, row.id))
            .limit(limit)
        )
        return [_entry(kind, *found[:5], payment_id=found[5], **{where.name: found[6]}) for found in rows]

    async def _invoices(self, kind: EntryKind, since: datetime, limit: int) -> list[LedgerEntry]:
        reference, invoice = PlanInvoiceRow.vendor_invoice_id, PlanInvoiceRow
        lacks = ~_has_entry(kind, LedgerEntryRow.plan_invoice_id, invoice.id)
        rows = await self._rows(
            select(invoice.amount_minor, invoice.currency, PlanSubscriptionRow.vendor, reference, invoice.created_at)  # type: ignore[call-overload]
            .add_columns(invoice.id)
            .join(PlanSubscriptionRow, col(PlanSubscriptionRow.id) == invoice.subscription_id)
            .where(invoice.id >= since_id(ids.PLAN_INVOICE, since), col(invoice.status).in_(_INVOICES[kind]), lacks)
            .limit(limit)
        )
        return [_entry(kind, *row[:5], plan_invoice_id=row[5]) for row in rows]

    async def _lines(self, since: datetime, limit: int) -> list[LedgerEntry]:
        line = BankTransactionRow
        has_entry = select(LedgerEntryRow.id).where(
            col(LedgerEntryRow.payment_id) == PaymentRow.id, col(LedgerEntryRow.vendor_object_id) == line.id
        )
        rows = await self._rows(
            select(line.amount_minor, line.currency, PaymentRow.vendor, line.id, line.booking_date)  # type: ignore[call-overload]
            .add_columns(PaymentRow.id, line.matched_as)
            .join(PaymentRow, col(PaymentRow.end_to_end_id) == line.end_to_end_id)
            .where(line.id >= since_id(ids.TRANSACTION, since), col(line.matched_as).in_(_OF_LINE), ~has_entry.exists())
            .limit(limit)
        )
        return [
            _entry(
                _OF_LINE[LineMatch(row[6])],
                abs(row[0]),
                row[1],
                row[2],
                row[3],
                datetime.combine(row[4], time(), UTC),
                payment_id=row[5],
            )
            for row in rows
        ]

    async def _rows(self, query: Any) -> Sequence[Any]:
        return (await (await self._session.connection()).execute(query)).all()


def _has_entry(kind: EntryKind, about: Any, row_id: Any) -> Any:
    return select(LedgerEntryRow.id).where(LedgerEntryRow.kind == kind, col(about) == row_id).exists()


def _entry(
    kind: EntryKind, minor: int, currency: str, vendor: str, reference: str, at: datetime, **about: Any
) -> LedgerEntry:
    return LedgerEntry(kind, Money(minor, currency), vendor, reference, at, **about)
