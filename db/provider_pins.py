from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.provider import ProviderPinRow
from domain.ids import UserId
from domain.vendor_migration import VendorCustomer


class ProviderPinQueries:
    """Which vendor holds a user's customer, per port. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UserId, port: str) -> VendorCustomer | None:
        """The user at the vendor that they stay with; None where the port has not made them a customer yet."""
        row = await self._session.get(ProviderPinRow, (user_id, port))
        return VendorCustomer(row.vendor, row.reference) if row else None

    async def pin(self, user_id: UserId, port: str, *, vendor: str, reference: str, at: datetime) -> None:
        """Pin the user to a vendor; an earlier pin stays.

        The vendor gave both callers the same id, since they sent the same key.
        """
        if await self.get(user_id, port) is None:
            self._session.add(
                ProviderPinRow(user_id=user_id, port=port, vendor=vendor, reference=reference, created_at=at)
            )
            await self._session.flush()
