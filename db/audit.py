from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.ids import new_id
from db.tables.audit import AuditEventRow
from domain.audit import AuditEntry, acting_operator
from domain.ids import AUDIT_ENTRY, UserId

_SAME_AT_MOST: Final = 20


def entry_of(row: AuditEventRow) -> AuditEntry:
    return AuditEntry(row.id, row.action, row.at, row.user_id, row.operator, row.object_id, row.detail)


class AuditQueries:
    """The append-only audit trail. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def record(
        self,
        action: str,
        at: datetime,
        *,
        user_id: UserId | None = None,
        object_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry in the transaction that it describes. `detail` must have no personal data.

        The operator who asked for it is named by itself (`acting_operator`).
        """
        row = AuditEventRow(
            id=new_id(AUDIT_ENTRY, at),
            user_id=user_id,
            action=action,
            object_id=object_id,
            detail=dict(detail or {}),
            at=at,
            operator=acting_operator.get(),
        )
        self._session.add(row)

    async def record_once(
        self, action: str, at: datetime, *, user_id: UserId, object_id: str, detail: Mapping[str, Any]
    ) -> None:
        """Add an entry unless the same stands about this object, or twenty others: a stranger can cause it at will."""
        query = select(AuditEventRow.detail).where(AuditEventRow.object_id == object_id, AuditEventRow.action == action)
        known = (await self._session.exec(query.limit(_SAME_AT_MOST))).all()
        if dict(detail) not in known and len(known) < _SAME_AT_MOST:
            self.record(action, at, user_id=user_id, object_id=object_id, detail=detail)

    async def of_user(self, user_id: str, before: str | None, limit: int) -> Sequence[AuditEntry]:
        """What concerns a user, newest first; with `before`, what is older than the entry with this id."""
        return await self._newest(col(AuditEventRow.user_id) == user_id, before, limit)

    async def of_object(self, object_id: str, before: str | None, limit: int) -> Sequence[AuditEntry]:
        """What concerns a payment or another object, and who read it, newest first."""
        return await self._newest(col(AuditEventRow.object_id) == object_id, before, limit)

    async def _newest(self, which: Any, before: str | None, limit: int) -> Sequence[AuditEntry]:
        query = select(AuditEventRow).where(which)
        if before is not None:
            query = query.where(col(AuditEventRow.id) < before)
        found = await self._session.exec(query.order_by(col(AuditEventRow.id).desc()).limit(limit))
        return [entry_of(row) for row in found]
