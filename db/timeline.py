from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.event import TraceEventRow
from domain.ids import PaymentId
from domain.timeline import StoredEntry, TimelineEntry, TimelineKind

TraceLine = tuple[PaymentId, str, TimelineEntry]


class TimelineQueries:
    """Entries of payments' timelines, of all users: for operators, and for the sandbox. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, lines: Sequence[TraceLine]) -> None:
        """Write the entries in one statement; their numbers rise in the order given."""
        rows = [
            {
                "payment_id": payment_id,
                "trace_id": trace_id,
                "kind": entry.kind,
                "summary": entry.summary,
                "outcome": entry.outcome,
                "webhook_id": entry.webhook_id,
                "at": entry.at,
            }
            for payment_id, trace_id, entry in lines
        ]
        await self._session.exec(insert(TraceEventRow), params=rows)

    async def of_payment(self, payment_id: PaymentId, limit: int) -> Sequence[StoredEntry]:
        """The first entries of one payment, oldest first."""
        query = select(TraceEventRow).where(TraceEventRow.payment_id == payment_id)
        rows = await self._session.exec(query.order_by(col(TraceEventRow.number)).limit(limit))
        return [_entry_of(row) for row in rows]

    async def after(self, number: int, limit: int) -> Sequence[StoredEntry]:
        """Entries with a higher number than `number`, in order."""
        query = select(TraceEventRow).where(col(TraceEventRow.number) > number)
        rows = await self._session.exec(query.order_by(col(TraceEventRow.number)).limit(limit))
        return [_entry_of(row) for row in rows]

    async def newest(self, limit: int) -> Sequence[StoredEntry]:
        """The newest entries, the oldest of them first."""
        query = select(TraceEventRow).order_by(col(TraceEventRow.number).desc()).limit(limit)
        return [_entry_of(row) for row in reversed((await self._session.exec(query)).all())]

    async def forget_before(self, at: datetime) -> None:
        await self._session.exec(delete(TraceEventRow).where(col(TraceEventRow.at) < at))


def _entry_of(row: TraceEventRow) -> StoredEntry:
    entry = TimelineEntry(TimelineKind(row.kind), row.summary, row.outcome, row.at, row.webhook_id)
    return StoredEntry(row.number or 0, PaymentId(row.payment_id), row.trace_id, entry)
