from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, func, or_, update
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.ids import new_id
from db.tables.job import JobRow
from db.updates import changed
from domain.job import Job, QueuedJob
from domain.timeline import trace_id

QUEUED = "QUEUED"
LEASED = "LEASED"
BLOCKED = "BLOCKED"
# DEAD is what releases before called it; one of them may still run during a deploy.
_PARKED: Final = (BLOCKED, "DEAD")


def _job_of(row: JobRow) -> QueuedJob:
    return QueuedJob(row.id, row.kind, row.payload, row.attempts, row.due_at, row.trace_id, row.last_error, row.faults)


def _row_of(job_id: str, job: Job, due_at: datetime, now: datetime) -> JobRow:
    return JobRow(
        id=job_id,
        kind=job.kind,
        payload=job.payload(),
        status=QUEUED,
        due_at=due_at,
        trace_id=trace_id(),
        row_id=job.row_id,
        created_at=now,
    )


def _claim_statement() -> UpdateBase:
    """Leases up to `most` of the jobs that are due. Built once, since it runs more often than any other statement."""
    jobs: Table = JobRow.__table__  # type: ignore[attr-defined]  # set by SQLModel
    run_out = and_(jobs.c.status == LEASED, jobs.c.leased_until < bindparam("machine_now"))
    first = (
        select(jobs.c.id)
        .where(
            or_(jobs.c.status == QUEUED, run_out),
            jobs.c.due_at <= bindparam("now"),
            jobs.c.kind.in_(bindparam("kinds", expanding=True)),
        )
        .order_by(jobs.c.due_at, jobs.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        # A separate CTE: PostgreSQL may run a joined subquery again and lock more rows than the limit.
        .cte("first")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    leased = {
        "status": LEASED,
        "leased_by": bindparam("worker"),
        "leased_until": bindparam("leased_until"),
        "attempts": jobs.c.attempts + 1,
    }
    shown = [jobs.c[field.name] for field in fields(QueuedJob)]
    return update(jobs).where(jobs.c.id.in_(select(first.c.id))).values(leased).returning(*shown)


_CLAIM: Final = _claim_statement()


class JobQueries:
    """The queue: work that commits with the change that causes it. No method commits.

    Due times are by the product's clock; leases are by the machine's, so that moving the product's clock ends none.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.has_due = False

    def enqueue(self, job: Job, *, now: datetime, due_at: datetime | None = None) -> None:
        """Queue a job in the transaction of the change that it follows, due at once unless a time is given.

        The job belongs to the current trace.
        """
        due_at = due_at or now
        self._session.add(_row_of(new_id("job", now), job, due_at, now))
        self.has_due = self.has_due or due_at <= now

    async def enqueue_next(self, job: Job, *, due_at: datetime, now: datetime) -> None:
        """Queue the next job of a chain that moves one row on. Of several chains the soonest goes on alone."""
        others = (col(JobRow.row_id) == job.row_id, col(JobRow.kind) == job.kind, col(JobRow.status) == QUEUED)
        sooner = select(JobRow.id).where(*others, JobRow.due_at <= due_at).limit(1)
        if (await self._session.exec(sooner)).first() is None:
            await self._session.exec(delete(JobRow).where(*others))
            self.enqueue(job, due_at=due_at, now=now)

    async def enqueue_once(self, job_id: str, job: Job, *, due_at: datetime, now: datetime) -> None:
        """Queue the first job of a series, unless a job of this kind is queued already.

        Processes that start at once may all ask.
        """
        query = select(JobRow.id).where(JobRow.kind == job.kind, col(JobRow.status).not_in(_PARKED)).limit(1)
        if (await self._session.exec(query)).first() is None:
            # A merge: two processes that start at once write the same row.
            await self._session.merge(_row_of(job_id, job, due_at, now))

    async def claim(
        self,
        worker: str,
        limit: int,
        *,
        now: datetime,
        machine_now: datetime,
        lease: timedelta,
        kinds: Collection[str],
    ) -> list[QueuedJob]:
        """Lease up to `limit` jobs, those due first; a dead worker's jobs are free when their lease has run out.

        Jobs of other kinds than `kinds` are left for other processes.
        """
        values = {
            "worker": worker,
            "most": limit,
            "now": now,
            "machine_now": machine_now,
            "leased_until": machine_now + lease,
            "kinds": list(kinds),
        }
        rows = await self._session.exec(_CLAIM, params=values)
        leased = [QueuedJob(**row) for row in rows.mappings()]
        return sorted(leased, key=lambda job: (job.due_at, job.id))

    async def finish(self, job_ids: Sequence[str], worker: str) -> None:
        """Take jobs off the queue. A job whose lease another worker has by now is left to that worker."""
        await self._session.exec(delete(JobRow).where(col(JobRow.id).in_(job_ids), col(JobRow.leased_by) == worker))

    async def retry(self, job_id: str, worker: str, *, due_at: datetime, error: str, faults: int) -> None:
        """Queue a job again, with its error and how often it failed.

        A job whose lease was lost is left to its new worker.
        """
        await self._give_back(job_id, worker, status=QUEUED, due_at=due_at, last_error=error, faults=faults)

    async def give_back(self, job: QueuedJob, worker: str, *, due_at: datetime) -> None:
        """Leave a leased job for another process, as if this one had never tried it."""
        await self._give_back(job.id, worker, status=QUEUED, due_at=due_at, attempts=job.attempts - 1)

    async def block(self, job_id: str, worker: str, *, release: str, retry_at: datetime, error: str) -> None:
        """Park a job that failed by a fault of this release, until an operator or another release tries it again."""
        await self._give_back(job_id, worker, status=BLOCKED, due_at=retry_at, blocked_by=release, last_error=error)

    async def _give_back(self, job_id: str, worker: str, **values: object) -> None:
        await self._session.exec(
            update(JobRow)
            .where(col(JobRow.id) == job_id, col(JobRow.leased_by) == worker)
            .values(leased_by=None, leased_until=None, **values)
        )

    async def in_status(self, statuses: Sequence[str], limit: int) -> list[QueuedJob]:
        """Jobs of all users in these statuses, the one due first first."""
        query = (
            select(JobRow)
            .where(col(JobRow.status).in_(statuses))
            .order_by(col(JobRow.due_at), col(JobRow.id))
            .limit(limit)
        )
        return [_job_of(row) for row in await self._session.exec(query)]

    async def unblock(self, now: datetime, *conditions: ColumnElement[bool]) -> int:
        """Queue the blocked jobs that meet all conditions again, due now and with all their tries. Gives how many."""
        again = {"status": QUEUED, "due_at": now, "attempts": 0, "faults": 0, "blocked_by": None}
        update_all = update(JobRow).where(col(JobRow.status).in_(_PARKED), *conditions).values(again)
        count = changed(await self._session.exec(update_all))
        self.has_due = self.has_due or count > 0
        return count

    async def unblock_one(self, job_id: str, now: datetime) -> bool:
        """Queue a blocked job again; False where the job is not blocked."""
        return await self.unblock(now, col(JobRow.id) == job_id) == 1

    async def unblock_kind(self, kind: str, now: datetime) -> int:
        """Queue all blocked jobs of a kind again. Gives how many."""
        return await self.unblock(now, col(JobRow.kind) == kind)

    async def unblock_of_others(self, release: str, kinds: Collection[str], now: datetime) -> int:
        """Queue again what another release blocked, once its time has come. Gives how many.

        The time bounds the tries while an older and a newer release run side by side.
        """
        is_of_others = col(JobRow.blocked_by).is_distinct_from(release)
        return await self.unblock(now, is_of_others, col(JobRow.due_at) <= now, col(JobRow.kind).in_(kinds))

    async def next_due(self, kinds: Collection[str]) -> datetime | None:
        """When the next queued job falls due, by the product's clock; None where no job is queued.

        Leased jobs do not count.
        """
        query = select(func.min(JobRow.due_at)).where(col(JobRow.status) == QUEUED, col(JobRow.kind).in_(kinds))
        return (await self._session.exec(query)).one()

    async def is_under_way(self, now: datetime, kinds: Collection[str]) -> bool:
        """Whether a worker of any process holds a job of these kinds that was due by `now`."""
        is_taken = and_(col(JobRow.status) == LEASED, col(JobRow.due_at) <= now, col(JobRow.kind).in_(kinds))
        return (await self._session.exec(select(JobRow.id).where(is_taken).limit(1))).first() is not None
