from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.audit import entry_of
from db.tables.audit import AuditAwaitingRow, AuditBaseRow, AuditEventRow, AuditSealRow
from domain.audit import AuditEntry, Place, Sealed


class AuditSealQueries:
    """The chain of hashes over the audit trail. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def awaiting(self, limit: int) -> Sequence[AuditEntry]:
        """Entries that are not sealed, oldest first, however late their transactions committed."""
        query = (
            select(AuditEventRow)
            .join(AuditAwaitingRow, col(AuditAwaitingRow.event_id) == col(AuditEventRow.id))
            .order_by(col(AuditAwaitingRow.event_id))
            .limit(limit)
        )
        return [entry_of(row) for row in await self._session.exec(query)]

    async def unsealed_since(self) -> datetime | None:
        """Since when the oldest entry waits, or since the last seal where that is later; None where none waits."""
        query = (
            select(AuditEventRow.at)
            .join(AuditAwaitingRow, col(AuditAwaitingRow.event_id) == col(AuditEventRow.id))
            .order_by(col(AuditAwaitingRow.event_id))
            .limit(1)
        )
        oldest = (await self._session.exec(query)).first()
        last = await self._last() if oldest is not None else None
        return max(oldest, last.sealed_at) if oldest is not None and last is not None else oldest

    async def base(self) -> Place:
        """Where the chain begins: after the last month that was dropped."""
        row = (
            await self._session.exec(select(AuditBaseRow).order_by(col(AuditBaseRow.number).desc()).limit(1))
        ).first()
        return Place(row.number, row.hash) if row else Place()

    async def _last(self) -> AuditSealRow | None:
        query = select(AuditSealRow).order_by(col(AuditSealRow.number).desc()).limit(1)
        return (await self._session.exec(query)).first()

    async def seal(self, entries: Sequence[AuditEntry], at: datetime) -> Place:
        """Append the entries to the chain. Gives its end.

        A second process that does the same at this moment fails by the numbers' uniqueness (IntegrityError).
        """
        last = await self._last()
        place = Place(last.number, last.hash) if last else await self.base()
        # Seals get old in the chain's order, also where a machine's clock has gone back: months are dropped by it.
        at = max(at, last.sealed_at) if last else at
        for entry in entries:
            place = place.after(entry)
            self._session.add(AuditSealRow(number=place.number, event_id=entry.id, hash=place.hash, sealed_at=at))
        sealed = col(AuditAwaitingRow.event_id).in_([entry.id for entry in entries])
        await self._session.exec(delete(AuditAwaitingRow).where(sealed))
        await self._session.flush()
        return place

    async def page(self, after: int, limit: int) -> Sequence[Sealed]:
        """Sealed entries after a number, in the chain's order."""
        query = (
            select(AuditSealRow, AuditEventRow)
            .outerjoin(AuditEventRow, col(AuditEventRow.id) == col(AuditSealRow.event_id))
            .where(AuditSealRow.number > after)
            .order_by(col(AuditSealRow.number))
            .limit(limit)
        )
        return [
            Sealed(Place(seal.number, seal.hash), seal.event_id, entry_of(event) if event else None)
            for seal, event in await self._session.exec(query)
        ]

    async def seen(self, after: str, limit: int) -> Sequence[tuple[str, bool]]:
        """Entries after an id, by id, and whether each is sealed or waits for it."""
        query = (
            select(AuditEventRow.id, AuditSealRow.number, AuditAwaitingRow.event_id)
            .outerjoin(AuditSealRow, col(AuditSealRow.event_id) == col(AuditEventRow.id))
            .outerjoin(AuditAwaitingRow, col(AuditAwaitingRow.event_id) == col(AuditEventRow.id))
            .where(AuditEventRow.id > after)
            .order_by(col(AuditEventRow.id))
            .limit(limit)
        )
        found = await self._session.exec(query)
        return [(entry_id, number is not None or waits is not None) for entry_id, number, waits in found]

    async def last_before(self, at: datetime) -> int | None:
        """The number of the last entry that was sealed before a time; None where there is none."""
        sealed_at, number = col(AuditSealRow.sealed_at), col(AuditSealRow.number)
        query = select(AuditSealRow.number).where(sealed_at < at).order_by(sealed_at.desc(), number.desc()).limit(1)
        return (await self._session.exec(query)).first()

    async def drop(self, upto: int, at: datetime, limit: int) -> int:
        """Delete the oldest `limit` of the sealed entries up to a number, and keep the last one's hash. Gives how many.

        On PostgreSQL a function does it with its owner's rights, which refuses others what is not five years old.
        """
        if self._session.get_bind().dialect.name != "sqlite":
            return int((await self._session.scalar(select(func.audit_drop(upto, at, limit)))) or 0)
        query = select(AuditSealRow).where(AuditSealRow.number <= upto).order_by(col(AuditSealRow.number)).limit(limit)
        seals = (await self._session.exec(query)).all()
        if not seals:
            return 0
        last = seals[-1]
        if await self._session.get(AuditBaseRow, last.number) is None:
            self._session.add(AuditBaseRow(number=last.number, hash=last.hash, dropped_at=at))
            await self._session.flush()
        await self._session.exec(delete(AuditSealRow).where(col(AuditSealRow.number) <= last.number))
        events = [seal.event_id for seal in seals]
        await self._session.exec(delete(AuditEventRow).where(col(AuditEventRow.id).in_(events)))
        return len(events)
