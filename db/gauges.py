"""What operators watch, in numbers: how much work is due or in doubt, and for how long.

Every query reads an index alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.jobs import BLOCKED, QUEUED
from db.tables.job import JobRow
from db.tables.notification import NotificationRow
from db.tables.payment import PaymentRow
from domain.notification import NotificationStatus


@dataclass(frozen=True, slots=True)
class Readings:
    """The numbers at one moment. An age is that of the oldest item, zero where there is none. Blocked jobs: by kind."""

    jobs_due: int
    jobs_blocked: Mapping[str, int]
    job_age: timedelta
    webhook_age: timedelta
    in_doubt: int
    doubt_age: timedelta
    messages_dead: int
    purge_age: timedelta


class GaugeQueries:
    """Counts over all users, for metrics and alerts. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def read(self, now: datetime, *, webhook_kinds: Sequence[str], purges: str) -> Readings:
        """`webhook_kinds` are the kinds of jobs that process a webhook, `purges` the row id of the jobs that purge."""
        due = select(func.count(), func.min(JobRow.due_at)).where(JobRow.status == QUEUED, JobRow.due_at <= now)
        jobs_due, oldest_job = (await self._session.exec(due)).one()
        _, oldest_webhook = (await self._session.exec(due.where(col(JobRow.kind).in_(webhook_kinds)))).one()
        blocked = select(JobRow.kind, func.count()).where(JobRow.status == BLOCKED).group_by(JobRow.kind)
        doubted = select(func.count(), func.min(PaymentRow.created_at)).where(col(PaymentRow.in_doubt))
        in_doubt, oldest_doubt = (await self._session.exec(doubted)).one()
        dead = select(func.count()).where(NotificationRow.status == NotificationStatus.DEAD)
        # Whatever its state: a purge that is blocked is not run either.
        purge = select(func.min(JobRow.due_at)).where(JobRow.row_id == purges)
        return Readings(
            jobs_due=jobs_due,
            jobs_blocked={kind: count for kind, count in await self._session.exec(blocked)},
            job_age=_age(oldest_job, now),
            webhook_age=_age(oldest_webhook, now),
            in_doubt=in_doubt,
            doubt_age=_age(oldest_doubt, now),
            messages_dead=(await self._session.exec(dead)).one(),
            purge_age=_age((await self._session.exec(purge)).one(), now),
        )


def _age(at: datetime | None, now: datetime) -> timedelta:
    return max(now - at, timedelta()) if at is not None else timedelta()
