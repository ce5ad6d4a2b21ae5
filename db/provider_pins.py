from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.provider import ProviderPinRow
from domain.ids import UserId


class ProviderPinQueries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UserId, port: str) -> ProviderPinRow | None:
        return await self._session.get(ProviderPinRow, (user_id, port))

    async def pin(self, user_id: UserId, port: str, *, vendor: str, reference: str, at: datetime) -> None:
        """The first one stays: two requests that asked the vendor with the same key were given the same id."""
        if await self.get(user_id, port) is None:
            self._session.add(
                ProviderPinRow(user_id=user_id, port=port, vendor=vendor, reference=reference, created_at=at)
            )
            await self._session.flush()
