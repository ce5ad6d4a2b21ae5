from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.audit import AuditQueries
from db.paging import page_of_each
from db.shapes import Shape, each, made, optional
from db.tables.payment import DisputeRow, PaymentAttemptRow, PaymentRow, RefundRow
from domain.card_payment import PaymentAttempt
from domain.dispute import Dispute, DisputeStatus
from domain.ids import AttemptId, DisputeId, PaymentId, RefundId, UserId
from domain.money import Money
from domain.page import Keyset
from domain.refund import Refund, RefundFailureCode, RefundStatus

REFUND: Final = Shape(
    Refund,
    RefundRow,
    {
        **each("id", "payment_id", "created_at", "updated_at", "vendor_refund_id"),
        "amount": made(Money, "amount_minor", "currency"),
        "status": made(RefundStatus, "status"),
        "failure": optional(RefundFailureCode, "failure_code"),
    },
)
DISPUTE: Final = Shape(
    Dispute,
    DisputeRow,
    {
        **each("id", "payment_id", "vendor_dispute_id", "reason", "evidence_due_by", "created_at"),
        "status": made(DisputeStatus, "status"),
        "amount": made(Money, "amount_minor", "currency"),
    },
)


class RefundQueries:
    """Refunds and disputes of card payments. No method commits.

    They are guarded by the version of their payment: save the payment in the same transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._audit = AuditQueries(session)

    async def page(self, ids: Sequence[PaymentId], keyset: Keyset) -> dict[PaymentId, list[Refund]]:
        """The page of each payment's refunds, oldest first."""
        identifier, payment = col(RefundRow.id), col(RefundRow.payment_id)
        query = page_of_each(select(RefundRow), identifier, payment, ids, [identifier], keyset, newest_first=False)
        found: dict[PaymentId, list[Refund]] = {}
        for row in await self._session.exec(query):
            found.setdefault(PaymentId(row.payment_id), []).append(REFUND.of(row))
        return found

    async def matching(self, payment_id: PaymentId, ours: Sequence[str], references: Sequence[str]) -> list[Refund]:
        """The payment's refunds with one of these ids, ours or the vendor's."""
        known = or_(col(RefundRow.id).in_(ours), col(RefundRow.vendor_refund_id).in_(references))
        query = select(RefundRow).where(RefundRow.payment_id == payment_id, known)
        return [REFUND.of(row) for row in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, ids: Sequence[RefundId]) -> list[Refund]:
        """The refunds among these that are of the user's payments."""
        query = (
            select(RefundRow)
            .join(PaymentRow, col(PaymentRow.id) == RefundRow.payment_id)
            .where(PaymentRow.user_id == user_id, col(RefundRow.id).in_(ids))
        )
        return [REFUND.of(row) for row in await self._session.exec(query)]

    async def put(self, refund: Refund, user_id: UserId) -> None:
        """Add the refund or replace it. A new status is an entry of the audit trail."""
        before = await self._session.get(RefundRow, refund.id)
        if before is None or before.status != refund.status:
            action, detail = f"refund_{refund.status}".lower(), {"payment": refund.payment_id}
            self._audit.record(action, refund.updated_at, user_id=user_id, object_id=refund.id, detail=detail)
        row = RefundRow(
            id=refund.id,
            payment_id=refund.payment_id,
            amount_minor=refund.amount.amount_minor,
            currency=refund.amount.currency,
            status=refund.status,
            failure_code=refund.failure,
            vendor_refund_id=refund.vendor_refund_id,
            created_at=refund.created_at,
            updated_at=refund.updated_at,
        )
        await self._session.merge(row)

    async def disputes_of(self, ids: Sequence[PaymentId]) -> dict[PaymentId, list[Dispute]]:
        """The disputes of each payment that has any, oldest first: card networks allow a handful."""
        query = select(DisputeRow).where(col(DisputeRow.payment_id).in_(ids)).order_by(col(DisputeRow.id))
        found: dict[PaymentId, list[Dispute]] = {}
        for row in await self._session.exec(query):
            found.setdefault(PaymentId(row.payment_id), []).append(DISPUTE.of(row))
        return found

    async def disputes_of_one(self, payment_id: PaymentId) -> list[Dispute]:
        return (await self.disputes_of([payment_id])).get(payment_id, [])

    async def disputes_by_ids(self, user_id: UserId, ids: Sequence[DisputeId]) -> list[Dispute]:
        """The disputes among these that are of the user's payments."""
        query = (
            select(DisputeRow)
            .join(PaymentRow, col(PaymentRow.id) == DisputeRow.payment_id)
            .where(PaymentRow.user_id == user_id, col(DisputeRow.id).in_(ids))
        )
        return [DISPUTE.of(row) for row in await self._session.exec(query)]

    async def put_dispute(self, dispute: Dispute) -> None:
        """Add the dispute or replace it."""
        row = DisputeRow(
            id=dispute.id,
            payment_id=dispute.payment_id,
            vendor_dispute_id=dispute.vendor_dispute_id,
            status=dispute.status,
            amount_minor=dispute.amount.amount_minor,
            currency=dispute.amount.currency,
            reason=dispute.reason,
            evidence_due_by=dispute.evidence_due_by,
            created_at=dispute.created_at,
        )
        await self._session.merge(row)


class AttemptQueries:
    """Tries to pay a card payment. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, attempt: PaymentAttempt) -> None:
        self._session.add(PaymentAttemptRow(**asdict(attempt)))
        await self._session.flush()

    async def last_of(self, payment_id: PaymentId) -> PaymentAttempt | None:
        """The newest try; None before the first."""
        query = select(PaymentAttemptRow).where(PaymentAttemptRow.payment_id == payment_id)
        row = (await self._session.exec(query.order_by(col(PaymentAttemptRow.id).desc()).limit(1))).first()
        if row is None:
            return None
        identifier, payment = AttemptId(row.id), PaymentId(row.payment_id)
        return PaymentAttempt(identifier, payment, row.payment_method, row.return_url, row.created_at, row.recorded_at)

    async def record(self, attempt_id: AttemptId, at: datetime) -> None:
        """Store that the try's outcome is known, or known to be in doubt."""
        await self._session.exec(
            update(PaymentAttemptRow).where(col(PaymentAttemptRow.id) == attempt_id).values(recorded_at=at)
        )
