from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.provider import ProviderPinRow
from domain.ids import UserId
from domain.vendor_migration import VendorCustomer


class ProviderPinQueries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UserId, port: str) -> VendorCustomer | None:
        """The user at the vendor that they stay with; None where the port has not made them a customer yet."""
        row = await self._session.get(ProviderPinRow, (user_id, port))
        return VendorCustomer(row.vendor, row.reference) if row else None

    async def pin(self, user_id: UserId, port: str, *, vendor: str, reference: str, at: datetime) -> None:
        """The first one stays: two requests that asked the vendor with the same key were given the same id."""
        if await self.get(user_id, port) is None:
            self._session.add(
                ProviderPinRow(user_id=user_id, port=port, vendor=vendor, reference=reference, created_at=at)
            )
            await self._session.flush()
