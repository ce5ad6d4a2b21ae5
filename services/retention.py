"""What is kept for a while only: events for 30 days, logins that came to nothing for one."""

from datetime import timedelta
from typing import Final

from db.unit_of_work import Work
from domain.clock import Clock

PURGE: Final = "purge"
EVENTS_KEPT: Final = timedelta(days=30)
LOGINS_KEPT: Final = timedelta(days=1)
_EVERY: Final = timedelta(days=1)
_JOB_ID: Final = "job_purge"


class Retention:
    def __init__(self, work: Work, clock: Clock, machine_clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._machine_clock = machine_clock

    async def schedule(self) -> None:
        """See to it that one purge is queued. Safe to repeat, from any number of processes."""
        now = self._clock.now()
        async with self._work() as work:
            await work.jobs.enqueue_once(_JOB_ID, PURGE, due_at=now + _EVERY, now=now)
            await work.commit()

    async def purge(self) -> None:
        """Forget what is past its time, and queue the next purge."""
        now = self._clock.now()
        async with self._work() as work:
            await work.events.forget_before(now - EVENTS_KEPT)
            await work.login_attempts.forget_before(self._machine_clock.now() - LOGINS_KEPT)
            work.jobs.enqueue(PURGE, {}, due_at=now + _EVERY, now=now)
            await work.commit()
