from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, or_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from db.ids import new_id
from db.tables.ledger import LedgerEntryRow
from db.tables.payment import RefundRow
from db.updates import changed
from domain import ids
from domain.ids import DisputeId, PaymentId, PlanInvoiceId, RefundId
from domain.ledger import GIVEN_BACK, UNDONE, EntryKind, LedgerEntry
from domain.money import Money
from domain.refund import RefundStatus

_ENTRY_KEY = ["vendor", "kind", "vendor_object_id"]


def given_back(payment_id: ColumnElement[str] | Mapped[str] | str) -> SelectOfScalar[int]:
    """The sum that the payer has got back of a payment, by the ledger, or is about to get: by refunds under way."""
    amount, kind = col(LedgerEntryRow.amount_minor), col(LedgerEntryRow.kind)
    # No lists of values, whose length a driver writes into the statement: plans hand theirs over as they are.
    back, undone = (or_(*(kind == one for one in sorted(kinds))) for kinds in (GIVEN_BACK, UNDONE))
    moved = func.sum(case((back, amount), (undone, -amount), else_=0))
    entries = select(func.coalesce(moved, 0)).where(col(LedgerEntryRow.payment_id) == payment_id)
    pending = select(func.coalesce(func.sum(RefundRow.amount_minor), 0)).where(
        col(RefundRow.payment_id) == payment_id, RefundRow.status == RefundStatus.PENDING
    )
    parts = [
        part.correlate_except(table).scalar_subquery()
        for part, table in ((entries, LedgerEntryRow), (pending, RefundRow))
    ]
    # PostgreSQL sums up integers to a numeric.
    return select(cast(parts[0] + parts[1], BigInteger))


class LedgerQueries:
    """What moved, and what it sums up to. No method commits.

    Entries of a payment are guarded by its version: save the payment in the same transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, entries: Sequence[LedgerEntry]) -> bool:
        """Add the entries that are not there yet. Gives whether any is new. Safe to repeat."""
        if not entries:
            return False
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        rows = [
            {
                "id": new_id(ids.LEDGER_ENTRY, entry.moved_at),
                "payment_id": entry.payment_id,
                "plan_invoice_id": entry.plan_invoice_id,
                "refund_id": entry.refund_id,
                "dispute_id": entry.dispute_id,
                "kind": entry.kind,
                "amount_minor": entry.amount.amount_minor,
                "currency": entry.amount.currency,
                "vendor": entry.vendor,
                "vendor_object_id": entry.vendor_object_id,
                "moved_at": entry.moved_at,
            }
            for entry in entries
        ]
        added = insert(LedgerEntryRow).values(rows).on_conflict_do_nothing(index_elements=_ENTRY_KEY)
        return changed(await self._session.exec(added)) > 0

    async def kinds_of(self, object_id: RefundId | DisputeId) -> set[EntryKind]:
        """The kinds that are recorded of a refund or dispute."""
        column = LedgerEntryRow.refund_id if ids.kind_of(object_id) == ids.REFUND else LedgerEntryRow.dispute_id
        kinds = await self._session.exec(select(LedgerEntryRow.kind).where(col(column) == object_id))
        return {EntryKind(kind) for kind in kinds}

    async def kinds_of_object(self, vendor: str, reference: str) -> set[EntryKind]:
        """The kinds that are recorded of an object, by the vendor's id of it."""
        query = select(LedgerEntryRow.kind).where(
            LedgerEntryRow.vendor == vendor,
            col(LedgerEntryRow.kind).in_(tuple(EntryKind)),
            LedgerEntryRow.vendor_object_id == reference,
        )
        return {EntryKind(kind) for kind in await self._session.exec(query)}

    async def given_back(self, payment_id: PaymentId) -> int:
        """What the payer has got back of the payment, or is about to."""
        return (await self._session.exec(given_back(payment_id))).one()

    async def of_payment(self, payment_id: PaymentId) -> list[LedgerEntry]:
        """What has moved for a payment, oldest first: a handful."""
        query = select(LedgerEntryRow).where(LedgerEntryRow.payment_id == payment_id)
        rows = await self._session.exec(query.order_by(col(LedgerEntryRow.moved_at), col(LedgerEntryRow.id)))
        return [_entry_of(row) for row in rows]


def _entry_of(row: LedgerEntryRow) -> LedgerEntry:
    return LedgerEntry(
        kind=EntryKind(row.kind),
        amount=Money(row.amount_minor, row.currency),
        vendor=row.vendor,
        vendor_object_id=row.vendor_object_id,
        moved_at=row.moved_at,
        payment_id=PaymentId(row.payment_id) if row.payment_id else None,
        plan_invoice_id=PlanInvoiceId(row.plan_invoice_id) if row.plan_invoice_id else None,
        refund_id=RefundId(row.refund_id) if row.refund_id else None,
        dispute_id=DisputeId(row.dispute_id) if row.dispute_id else None,
    )
