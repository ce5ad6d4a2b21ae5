"""What is stored of a vendor's objects, and the differences that were found."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, literal, null, or_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.ids import new_id, since_id
from db.tables.ledger import LedgerEntryRow
from db.tables.payment import DisputeRow, PaymentEventRow, PaymentRow, RefundRow
from db.tables.plan import PlanInvoiceRow, PlanSubscriptionRow
from db.tables.reconciliation import DifferenceRow
from db.updates import changed_one
from domain import ids
from domain.ids import PaymentId, UserId
from domain.ledger import EntryKind
from domain.money import Money
from domain.payment import Rail, Status
from domain.reconciliation import Difference, DifferenceKind, Listed, ObjectKind, Stored

_BY_OBJECT: Final = ["vendor", "object_kind", "reference"]


@dataclass(frozen=True, slots=True)
class Owned:
    """What is stored of an object, its user, and the payment or plan that its vendor is asked about."""

    stored: Stored
    user_id: UserId
    subject_id: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where objects of a kind are stored. `subject` is the payment or plan, which names the user and the vendor."""

    row: Any
    reference: Any
    subject: Any
    joined: ColumnElement[bool]
    has_amount: bool = True


_CARD: Final = col(PaymentRow.rail) == Rail.CARD
_KINDS: Final[Mapping[ObjectKind, _Kind]] = {
    ObjectKind.PAYMENT: _Kind(PaymentRow, PaymentRow.vendor_payment_id, PaymentRow, _CARD),
    ObjectKind.REFUND: _Kind(
        RefundRow, RefundRow.vendor_refund_id, PaymentRow, col(PaymentRow.id) == RefundRow.payment_id
    ),
    ObjectKind.DISPUTE: _Kind(
        DisputeRow, DisputeRow.vendor_dispute_id, PaymentRow, col(PaymentRow.id) == DisputeRow.payment_id
    ),
    ObjectKind.PLAN: _Kind(
        PlanSubscriptionRow,
        PlanSubscriptionRow.vendor_subscription_id,
        PlanSubscriptionRow,
        literal(True),
        has_amount=False,
    ),
    ObjectKind.PLAN_INVOICE: _Kind(
        PlanInvoiceRow,
        PlanInvoiceRow.vendor_invoice_id,
        PlanSubscriptionRow,
        col(PlanSubscriptionRow.id) == PlanInvoiceRow.subscription_id,
    ),
}


_PREFIXES: Final = {
    ObjectKind.PAYMENT: ids.PAYMENT,
    ObjectKind.REFUND: ids.REFUND,
    ObjectKind.DISPUTE: ids.DISPUTE,
    ObjectKind.PLAN: ids.PLAN_SUBSCRIPTION,
    ObjectKind.PLAN_INVOICE: ids.PLAN_INVOICE,
}


class ReconciliationQueries:
    """Objects of all users as vendors know them, and differences: for reconciliation alone. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def known(
        self, kind: ObjectKind, vendor: str, references: Collection[str], our_ids: Collection[str] = ()
    ) -> list[Owned]:
        """What is stored of the objects with these ids, the vendor's or ours."""
        where = _KINDS[kind]
        return await self._owned(
            where, vendor, or_(col(where.reference).in_(references), col(where.row.id).in_(our_ids))
        )

    async def made_between(
        self, kind: ObjectKind, vendor: str, since: datetime, until: datetime, limit: int
    ) -> list[Owned]:
        """The objects with a vendor's id that were made here in this time, newest first."""
        where = _KINDS[kind]
        prefix = _PREFIXES[kind]
        made = and_(col(where.row.id) >= since_id(prefix, since), col(where.row.id) < since_id(prefix, until))
        return await self._owned(where, vendor, made & col(where.reference).is_not(None), limit)

    async def serves(self, vendor: str) -> bool:
        """Whether any card payment or plan is at this vendor."""
        payments = select(PaymentRow.id).where(PaymentRow.vendor == vendor, _CARD).limit(1)
        plans = select(PlanSubscriptionRow.id).where(PlanSubscriptionRow.vendor == vendor).limit(1)
        for query in (payments, plans):
            if (await self._session.exec(query)).first() is not None:
                return True
        return False

    async def adopt(self, kind: ObjectKind, our_id: str, reference: str) -> None:
        """Store the vendor's id of a payment or plan whose creation the vendor never answered for."""
        where = _KINDS[kind]
        unknown = update(where.row).where(col(where.row.id) == our_id, col(where.reference).is_(None))
        await self._session.exec(unknown.values({col(where.reference): reference}))

    async def put(self, vendor: str, found: Sequence[Difference], at: datetime) -> None:
        """Store what differs. What is known and not mended stays since when it was found; another kind is news."""
        if not found:
            return
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        rows = [{"id": new_id(ids.DIFFERENCE, at), "vendor": vendor, "found_at": at, **_values(one)} for one in found]
        written = insert(DifferenceRow).values(rows)
        given = written.excluded
        news = or_(col(DifferenceRow.mended_at).is_not(None), col(DifferenceRow.kind) != given.kind)
        changed = {name: given[name] for name in (*_values(found[0]), "found_at")}
        again = written.on_conflict_do_update(
            index_elements=_BY_OBJECT, set_={**changed, "told_at": None, "mended_at": None}, where=news
        )
        await self._session.exec(again)

    async def mended(self, vendor: str, kind: ObjectKind, references: Collection[str], at: datetime) -> None:
        """Store that these objects do not differ any more."""
        await self._session.exec(
            update(DifferenceRow)
            .where(
                col(DifferenceRow.vendor) == vendor,
                col(DifferenceRow.object_kind) == kind,
                col(DifferenceRow.reference).in_(references),
                col(DifferenceRow.mended_at).is_(None),
            )
            .values(mended_at=at)
        )

    async def present(self, vendor: str, kind: ObjectKind, our_ids: Collection[str], at: datetime) -> None:
        """Store that the vendor has these objects of ours."""
        await self._session.exec(
            update(DifferenceRow)
            .where(
                col(DifferenceRow.vendor) == vendor,
                col(DifferenceRow.object_kind) == kind,
                col(DifferenceRow.kind) == DifferenceKind.ABSENT_THERE,
                col(DifferenceRow.our_id).in_(our_ids),
                col(DifferenceRow.mended_at).is_(None),
            )
            .values(mended_at=at)
        )

    async def told(self, difference_ids: Collection[str], at: datetime) -> None:
        """Store that operators were alerted of these differences."""
        await self._session.exec(
            update(DifferenceRow).where(col(DifferenceRow.id).in_(difference_ids)).values(told_at=at)
        )

    async def close(self, difference_id: str, at: datetime) -> bool:
        """Store that an operator has dealt with a difference. False where none is open with this id."""
        query = update(DifferenceRow).where(col(DifferenceRow.id) == difference_id)
        return changed_one(
            await self._session.exec(query.where(col(DifferenceRow.mended_at).is_(None)).values(mended_at=at))
        )

    async def open(
        self, limit: int, *, after: str = "", kinds: Collection[DifferenceKind] = tuple(DifferenceKind)
    ) -> list[Difference]:
        """What differs still in one of these ways, oldest first, behind the id `after`."""
        return await self._open(limit, col(DifferenceRow.id) > after, col(DifferenceRow.kind).in_(kinds))

    async def untold(self, limit: int) -> list[Difference]:
        """What differs still and operators were not alerted of, oldest first."""
        return await self._open(limit, col(DifferenceRow.told_at).is_(None))

    async def counts(self) -> dict[DifferenceKind, int]:
        """How many differences are open, by kind; kinds without any are left out."""
        query = select(DifferenceRow.kind, func.count()).where(col(DifferenceRow.mended_at).is_(None))
        return {
            DifferenceKind(kind): many for kind, many in await self._session.exec(query.group_by(DifferenceRow.kind))
        }

    async def _open(self, limit: int, *conditions: ColumnElement[bool]) -> list[Difference]:
        query = select(DifferenceRow).where(col(DifferenceRow.mended_at).is_(None), *conditions)
        rows = await self._session.exec(query.order_by(col(DifferenceRow.id)).limit(limit))
        return [_difference_of(row) for row in rows]

    async def unbooked(self, since: datetime, limit: int) -> list[PaymentId]:
        """Bank payments that were settled since a time and that no line of a statement has shown."""
        was_booked = select(LedgerEntryRow.id).where(
            LedgerEntryRow.kind == EntryKind.BOOKED, col(LedgerEntryRow.payment_id) == PaymentRow.id
        )
        query = (
            select(PaymentRow.id)
            .join(PaymentEventRow, col(PaymentEventRow.payment_id) == PaymentRow.id)
            .where(
                PaymentEventRow.id >= since_id(ids.PAYMENT_EVENT, since),
                PaymentEventRow.status == Status.SETTLED,
                PaymentRow.rail == Rail.BANK,
                PaymentRow.status == Status.SETTLED,
                ~was_booked.exists(),
            )
            .distinct()
            .order_by(col(PaymentRow.id))
            .limit(limit)
        )
        return [PaymentId(found) for found in await self._session.exec(query)]

    async def unsettled(self, since: datetime, limit: int) -> list[Difference]:
        """Bank payments that a line since a time has shown to have left, and that are not settled."""
        query = (
            select(PaymentRow.id, PaymentRow.status, PaymentRow.vendor)
            .join(LedgerEntryRow, col(LedgerEntryRow.payment_id) == PaymentRow.id)
            .where(
                LedgerEntryRow.id >= since_id(ids.LEDGER_ENTRY, since),
                LedgerEntryRow.kind == EntryKind.BOOKED,
                PaymentRow.status != Status.SETTLED,
            )
            .order_by(col(PaymentRow.id))
            .limit(limit)
        )
        return [
            Difference(
                DifferenceKind.NOT_SETTLED,
                Listed(ObjectKind.PAYMENT, found, Status.SETTLED, None),
                our_id=found,
                ours=status,
                vendor=vendor,
            )
            for found, status, vendor in await self._session.exec(query)
        ]

    async def _owned(
        self, kind: _Kind, vendor: str, which: ColumnElement[bool], limit: int | None = None
    ) -> list[Owned]:
        row = kind.row
        amount = [row.amount_minor, row.currency] if kind.has_amount else [null(), null()]
        columns = (row.id, kind.reference, row.status, *amount, kind.subject.user_id, kind.subject.id)
        connection = await self._session.connection()
        query: Any = select(*columns).where(kind.joined, col(kind.subject.vendor) == vendor, which)
        found = await connection.execute(query.order_by(col(row.id).desc()).limit(limit))
        return [
            Owned(Stored(identifier, reference, status, _money(minor, currency)), UserId(user_id), subject)
            for identifier, reference, status, minor, currency, user_id, subject in found
        ]


def _money(minor: int | None, currency: str | None) -> Money | None:
    return Money(minor, currency) if minor is not None and currency is not None else None


def _values(difference: Difference) -> dict[str, Any]:
    listed, amount = difference.listed, difference.listed.amount
    return {
        "object_kind": listed.kind,
        "reference": listed.reference,
        "kind": difference.kind,
        "our_id": difference.our_id,
        "parent": listed.parent,
        "theirs": listed.status,
        "ours": difference.ours,
        "amount_minor": amount.amount_minor if amount else None,
        "currency": amount.currency if amount else None,
    }


def _difference_of(row: DifferenceRow) -> Difference:
    amount = _money(row.amount_minor, row.currency)
    listed = Listed(ObjectKind(row.object_kind), row.reference, row.theirs, amount, row.our_id, row.parent)
    return Difference(
        kind=DifferenceKind(row.kind),
        listed=listed,
        our_id=row.our_id,
        ours=row.ours,
        id=row.id,
        vendor=row.vendor,
        found_at=row.found_at,
        told_at=row.told_at,
    )
