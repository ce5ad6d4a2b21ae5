from datetime import datetime

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.job import WorkerHeartbeatRow


class WorkerHeartbeatQueries:
    """Which workers are alive, by the machine's clock. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def beat(self, worker: str, at: datetime) -> None:
        await self._session.merge(WorkerHeartbeatRow(worker=worker, seen_at=at))

    async def any_between(self, since: datetime, until: datetime) -> bool:
        """Whether any worker was last alive within this time."""
        query = select(WorkerHeartbeatRow.worker).where(col(WorkerHeartbeatRow.seen_at).between(since, until)).limit(1)
        return (await self._session.exec(query)).first() is not None

    async def forget_before(self, at: datetime) -> None:
        await self._session.exec(delete(WorkerHeartbeatRow).where(col(WorkerHeartbeatRow.seen_at) < at))
