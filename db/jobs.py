from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.ids import new_id
from db.tables.job import JobRow
from db.updates import changed_one
from domain.trace import trace_id

QUEUED = "QUEUED"
LEASED = "LEASED"
DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    due_at: datetime
    trace_id: str | None
    last_error: str | None = None


def _job_of(row: JobRow) -> Job:
    return Job(row.id, row.kind, row.payload, row.attempts, row.due_at, row.trace_id, row.last_error)


class JobQueries:
    """The queue. Due times are the product's; leases are the machine's, so that a moved clock frees none."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.has_new = False

    def enqueue(self, kind: str, payload: Mapping[str, Any], *, due_at: datetime, now: datetime) -> None:
        row = JobRow(
            id=new_id("job", now),
            kind=kind,
            payload=dict(payload),
            status=QUEUED,
            due_at=due_at,
            trace_id=trace_id(),
            created_at=now,
        )
        self._session.add(row)
        self.has_new = True

    async def enqueue_once(self, job_id: str, kind: str, *, due_at: datetime, now: datetime) -> None:
        """Queue the first of a series, unless one of its kind is queued already."""
        query = select(JobRow.id).where(JobRow.kind == kind, col(JobRow.status) != DEAD).limit(1)
        if (await self._session.exec(query)).first() is None:
            row = JobRow(id=job_id, kind=kind, payload={}, status=QUEUED, due_at=due_at, created_at=now)
            # Two processes that start at once write the same row.
            await self._session.merge(row)

    async def claim(
        self, worker: str, *, now: datetime, machine_now: datetime, lease: timedelta, without: Sequence[str] = ()
    ) -> Job | None:
        """Lease the job that is due first; jobs of a worker that died are free when its lease has run out.

        Kinds of work in `without` are left to others.
        """
        is_free = or_(
            col(JobRow.status) == QUEUED,
            and_(col(JobRow.status) == LEASED, col(JobRow.leased_until) < machine_now),
        )
        query = (
            select(JobRow)
            .where(is_free, JobRow.due_at <= now, *([col(JobRow.kind).not_in(without)] if without else []))
            .order_by(col(JobRow.due_at), col(JobRow.id))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._session.exec(query)).first()
        if row is None:
            return None
        row.status, row.leased_by, row.leased_until = LEASED, worker, machine_now + lease
        row.attempts += 1
        await self._session.flush()
        return _job_of(row)

    async def finish(self, job_id: str, worker: str) -> bool:
        """Take the job off the queue; False where its lease was lost meanwhile."""
        done = await self._session.exec(delete(JobRow).where(col(JobRow.id) == job_id, col(JobRow.leased_by) == worker))
        return changed_one(done)

    async def retry(self, job_id: str, worker: str, *, due_at: datetime, error: str) -> None:
        await self._give_back(job_id, worker, status=QUEUED, due_at=due_at, last_error=error)

    async def bury(self, job_id: str, worker: str, *, error: str) -> None:
        """Keep it, dead, for a person to look at."""
        await self._give_back(job_id, worker, status=DEAD, last_error=error)

    async def _give_back(self, job_id: str, worker: str, **values: object) -> None:
        await self._session.exec(
            update(JobRow)
            .where(col(JobRow.id) == job_id, col(JobRow.leased_by) == worker)
            .values(leased_by=None, leased_until=None, **values)
        )

    async def in_status(self, statuses: Sequence[str], limit: int) -> list[Job]:
        """What is due first comes first."""
        query = (
            select(JobRow)
            .where(col(JobRow.status).in_(statuses))
            .order_by(col(JobRow.due_at), col(JobRow.id))
            .limit(limit)
        )
        return [_job_of(row) for row in await self._session.exec(query)]

    async def revive(self, job_id: str, now: datetime) -> bool:
        """Queue a dead job anew, due now; False where it is none."""
        revived = await self._session.exec(
            update(JobRow)
            .where(col(JobRow.id) == job_id, col(JobRow.status) == DEAD)
            .values(status=QUEUED, due_at=now, attempts=0)
        )
        self.has_new = changed_one(revived)
        return self.has_new

    async def next_due(self) -> datetime | None:
        """When the next queued job falls due, on the product's clock. A leased one is somebody's already."""
        query = select(func.min(JobRow.due_at)).where(col(JobRow.status) == QUEUED)
        return (await self._session.exec(query)).one()
