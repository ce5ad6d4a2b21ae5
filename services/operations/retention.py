"""Deletes data whose time is over, such as events after 30 days, and deleted users after the law's five years."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from db.unit_of_work import Work
from domain.account_deletion import RETENTION
from domain.clock import Clock
from domain.job import Job

EVENTS_KEPT: Final = timedelta(days=30)
UNREADABLE_KEPT: Final = timedelta(days=30)
LOGINS_KEPT: Final = timedelta(days=1)
NOTIFICATIONS_KEPT: Final = timedelta(days=90)
# An operator may replay a webhook for this long.
WEBHOOKS_KEPT: Final = timedelta(days=90)
_AT_ONCE: Final = 100
_EVERY: Final = timedelta(days=1)
PURGE_ID: Final = "job_purge"


@dataclass(frozen=True, slots=True)
class Purge(Job):
    """Delete data whose time is over, once a day."""

    kind: ClassVar[str] = "purge"


class Retention:
    """The daily purge of what is past its time: events, notifications, webhooks, unreadable items, sign-in attempts,
    and users who left.

    `machine_clock` is for sign-in attempts, which live by the machine's time.
    """

    def __init__(self, work: Work, clock: Clock, machine_clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._machine_clock = machine_clock

    async def schedule(self) -> None:
        """Queue the purge unless it is queued already. Commits. Safe to repeat, from any number of processes."""
        now = self._clock.now()
        async with self._work() as work:
            await work.jobs.enqueue_once(PURGE_ID, Purge(), due_at=now + _EVERY, now=now)
            await work.commit()

    async def purge(self) -> None:
        """Delete data whose time is over, and queue the next purge. Commits."""
        now = self._clock.now()
        async with self._work() as work:
            await work.events.forget_before(now - EVENTS_KEPT)
            await work.traces.forget_before(now - EVENTS_KEPT)
            await work.notifications.forget_before(now - NOTIFICATIONS_KEPT)
            await work.webhooks.forget_before(now - WEBHOOKS_KEPT)
            await work.statements.forget_put_aside_before(now - UNREADABLE_KEPT)
            for user_id in await work.personal_data.deleted_before(now - RETENTION, _AT_ONCE):
                await work.personal_data.remove(user_id)
            await work.login_attempts.forget_before(self._machine_clock.now() - LOGINS_KEPT)
            work.jobs.enqueue(Purge(), due_at=now + _EVERY, now=now)
            await work.commit()
