from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.event import TraceEventRow
from db.timeline_body import pack, unpack
from domain.ids import PaymentId
from domain.timeline import StoredEntry, TimelineEntry, TimelineKind

TraceLine = tuple[PaymentId, str, TimelineEntry]
# A line's number is that of its row and its place in it.
_PLACES: Final = 1_000
# What a row shows to releases from before rows held several lines.
_EMPTY_LINE: Final = {"trace_id": "", "kind": TimelineKind.JOB, "summary": "", "outcome": ""}


class TimelineQueries:
    """Entries of payments' timelines, of all users: for operators, and for the sandbox. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, lines: Sequence[TraceLine]) -> None:
        """Write the entries in one statement: a row for each payment, whose entries keep the order given."""
        rows = []
        for payment_id, own in _by_payment(lines):
            at = own[-1][1].at
            rows.append({"payment_id": payment_id, "at": at, "body": pack(own, at), **_EMPTY_LINE})
        await self._session.exec(insert(TraceEventRow), params=rows)

    async def of_payment(self, payment_id: PaymentId, limit: int) -> Sequence[StoredEntry]:
        """The first entries of one payment, oldest first."""
        query = select(TraceEventRow).where(TraceEventRow.payment_id == payment_id)
        rows = await self._session.exec(query.order_by(col(TraceEventRow.number)).limit(limit))
        return [entry for row in rows for entry in _entries_of(row)][:limit]

    async def after(self, number: int, limit: int) -> Sequence[StoredEntry]:
        """Entries with a higher number than `number`, in order."""
        query = select(TraceEventRow).where(col(TraceEventRow.number) >= number // _PLACES)
        rows = await self._session.exec(query.order_by(col(TraceEventRow.number)).limit(limit))
        return [entry for row in rows for entry in _entries_of(row) if entry.number > number][:limit]

    async def newest(self, limit: int) -> Sequence[StoredEntry]:
        """The newest entries, the oldest of them first."""
        query = select(TraceEventRow).order_by(col(TraceEventRow.number).desc()).limit(limit)
        rows = reversed((await self._session.exec(query)).all())
        return [entry for row in rows for entry in _entries_of(row)][-limit:]


def _by_payment(lines: Sequence[TraceLine]) -> Iterator[tuple[PaymentId, list[tuple[str, TimelineEntry]]]]:
    grouped = dict[PaymentId, list[tuple[str, TimelineEntry]]]()
    for payment_id, trace_id, entry in lines:
        grouped.setdefault(payment_id, []).append((trace_id, entry))
    for payment_id, own in grouped.items():
        for first in range(0, len(own), _PLACES):
            yield payment_id, own[first : first + _PLACES]


def _entries_of(row: TraceEventRow) -> list[StoredEntry]:
    """A row without a body is one line, of a release before."""
    line = TimelineEntry(TimelineKind(row.kind), row.summary, row.outcome, row.at, row.webhook_id)
    lines = unpack(row.body, row.at) if row.body is not None else [(row.trace_id, line)]
    number = (row.number or 0) * _PLACES
    return [
        StoredEntry(number + place, PaymentId(row.payment_id), trace_id, entry)
        for place, (trace_id, entry) in enumerate(lines)
    ]
