from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.payment import PaymentResolutionRow
from db.updates import changed_one
from domain.ids import PaymentId
from domain.payment import Status
from domain.resolution import Resolution


def _resolution_of(row: PaymentResolutionRow) -> Resolution:
    return Resolution(
        PaymentId(row.payment_id), Status(row.outcome), row.reason, row.version, row.proposed_by, row.proposed_at
    )


class ResolutionQueries:
    """What operators have proposed of payments: one proposal of each at most. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, resolution: Resolution) -> None:
        """In place of what was proposed before."""
        await self._session.merge(PaymentResolutionRow(**asdict(resolution)))
        await self._session.flush()

    async def of(self, ids: Sequence[PaymentId]) -> dict[PaymentId, Resolution]:
        """By payment; those without a proposal are missing."""
        found = await self._session.exec(
            select(PaymentResolutionRow).where(col(PaymentResolutionRow.payment_id).in_(ids))
        )
        return {PaymentId(row.payment_id): _resolution_of(row) for row in found}

    async def take(self, resolution: Resolution) -> bool:
        """Remove it. False where it is no longer there, or another one stands in its place."""
        of_row = (col(getattr(PaymentResolutionRow, name)) == value for name, value in asdict(resolution).items())
        return changed_one(await self._session.exec(delete(PaymentResolutionRow).where(*of_row)))
