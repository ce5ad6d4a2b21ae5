from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.operator import OperatorRow
from db.updates import changed_one
from domain.operator import Operator, OperatorRole


def _operator_of(row: OperatorRow) -> Operator:
    return Operator(row.name, OperatorRole(row.role), row.created_at, row.revoked_at)


class OperatorQueries:
    """Operators by the hashes of their tokens. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def by_token(self, token_hash: str) -> Operator | None:
        """Whose token it is; None where nobody's, or it was revoked."""
        query = select(OperatorRow).where(OperatorRow.token_hash == token_hash, col(OperatorRow.revoked_at).is_(None))
        row = (await self._session.exec(query)).first()
        return _operator_of(row) if row else None

    async def get(self, name: str) -> Operator | None:
        row = await self._session.get(OperatorRow, name)
        return _operator_of(row) if row else None

    def add(self, name: str, role: OperatorRole, token_hash: str, at: datetime) -> None:
        self._session.add(OperatorRow(name=name, token_hash=token_hash, role=role, created_at=at))

    async def revoke(self, name: str, at: datetime) -> bool:
        """False where there is no such operator, or no longer."""
        row = update(OperatorRow).where(col(OperatorRow.name) == name, col(OperatorRow.revoked_at).is_(None))
        return changed_one(await self._session.exec(row.values(revoked_at=at)))

    async def page(self, limit: int) -> Sequence[Operator]:
        """By name, revoked ones among them."""
        rows = await self._session.exec(select(OperatorRow).order_by(col(OperatorRow.name)).limit(limit))
        return [_operator_of(row) for row in rows]
