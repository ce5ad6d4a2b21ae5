from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.payment import IdempotencyKeyRow
from domain.idempotency import UsedKey
from domain.ids import UserId


class IdempotencyQueries:
    """What each idempotency key was used for, per user and operation. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, user_id: UserId, operation: str, key: str) -> UsedKey | None:
        row = await self._session.get(IdempotencyKeyRow, (user_id, operation, key))
        return UsedKey(row.fingerprint, row.object_id) if row else None

    async def add(
        self, user_id: UserId, operation: str, key: str, *, fingerprint: str, object_id: str, at: datetime
    ) -> None:
        """Raises IntegrityError where another request used the key meanwhile: the key of the table decides."""
        row = IdempotencyKeyRow(
            user_id=user_id,
            operation=operation,
            key=key,
            fingerprint=fingerprint,
            object_id=object_id,
            created_at=at,
        )
        self._session.add(row)
        await self._session.flush()
