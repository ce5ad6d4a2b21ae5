from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, func, or_, update
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.ids import new_id, since_id
from db.span_links import current_span
from db.tables.job import ClockOffsetRow, JobRow
from db.updates import changed
from domain.job import Job, QueuedJob
from domain.timeline import trace_id

QUEUED = "QUEUED"
LEASED = "LEASED"
BLOCKED = "BLOCKED"
# Twice the most of `JOB_LEASE_S`.
_LONGEST_LEASE: Final = timedelta(minutes=20)
# Processes' clocks may differ by as much.
_SKEW: Final = timedelta(minutes=1)
_MOVED_AT_ONCE: Final = 1_000
# DEAD is what releases before called it; one of them may still run during a deploy.
PARKED: Final = (BLOCKED, "DEAD")


def _job_of(row: JobRow) -> QueuedJob:
    return QueuedJob(
        row.id,
        row.kind,
        row.payload,
        row.attempts,
        row.due_at,
        row.trace_id,
        row.last_error,
        row.faults,
        row.span,
    )


def _row_of(job_id: str, job: Job, due_at: datetime, now: datetime) -> JobRow:
    return JobRow(
        id=job_id,
        kind=job.kind,
        payload=job.payload(),
        status=QUEUED,
        due_at=due_at,
        trace_id=trace_id(),
        span=current_span(),
        row_id=job.row_id,
        created_at=now,
    )


def _claim_statement() -> UpdateBase:
    """Leases up to `most` of the jobs that are due. Built once, since it runs more often than any other statement."""
    jobs: Table = JobRow.__table__  # type: ignore[attr-defined]  # set by SQLModel
    # A lease beyond any that is given now is by a clock that has gone back since: its worker may be dead for an hour.
    has_run_out = or_(
        jobs.c.leased_until < bindparam("machine_now"), jobs.c.leased_until > bindparam("longest_leased_until")
    )
    run_out = and_(jobs.c.status == LEASED, has_run_out)
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
        query = select(JobRow.id).where(JobRow.kind == job.kind, col(JobRow.status).not_in(PARKED)).limit(1)
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
            "longest_leased_until": machine_now + _LONGEST_LEASE,
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

    async def renew(self, job_id: str, worker: str, *, until: datetime) -> None:
        """Keep a job that is still being done from other workers. A lease that was lost stays lost."""
        held = (col(JobRow.id) == job_id, col(JobRow.leased_by) == worker, col(JobRow.status) == LEASED)
        await self._session.exec(update(JobRow).where(*held).values(leased_until=until))

    async def give_back(self, job: QueuedJob, worker: str, *, due_at: datetime) -> None:
        """Leave a leased job for another process, as if this one had never tried it."""
        await self._give_back(job.id, worker, status=QUEUED, due_at=due_at, attempts=job.attempts - 1)

    async def give_back_all(self, worker: str) -> None:
        """Leave every job that a stopping worker still holds for other processes, as if it had never tried them."""
        again = {"status": QUEUED, "leased_by": None, "leased_until": None, "attempts": JobRow.attempts - 1}
        held = update(JobRow).where(col(JobRow.leased_by) == worker, col(JobRow.status) == LEASED).values(again)
        self.has_due = changed(await self._session.exec(held)) > 0 or self.has_due

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
        update_all = update(JobRow).where(col(JobRow.status).in_(PARKED), *conditions).values(again)
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

    async def move_back(self, now: datetime) -> int:
        """Let jobs that were made in what is now the future fall due as much earlier. Gives how many.

        The clock that they were made by has gone back since, and they would wait for it to catch up.
        """
        after = now + _SKEW
        # A clock that mock mode has moved is followed by each process a little later.
        is_moved = select(ClockOffsetRow.id).where(ClockOffsetRow.offset_us > 0).exists()
        query = (
            select(JobRow)
            .where(~is_moved)
            # The key is an index, and begins with the time.
            .where(col(JobRow.id) >= since_id("job", after), col(JobRow.created_at) > after)
            .where(col(JobRow.status).not_in(PARKED))
            .limit(_MOVED_AT_ONCE)
        )
        rows = (await self._session.exec(query)).all()
        for row in rows:
            row.due_at -= row.created_at - now
            row.created_at = now
        self.has_due = self.has_due or bool(rows)
        return len(rows)

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
