"""The queue, for operators: the waiting jobs, the dead jobs, and replaying a dead job."""

from collections.abc import Sequence

from db.jobs import DEAD, LEASED, QUEUED
from db.unit_of_work import Read, Work
from domain.clock import Clock
from domain.errors import NotFound
from domain.job import QueuedJob


class Queue:
    """The queue as operators see it. `replay` commits; a dead job stays dead until an operator replays it."""

    def __init__(self, work: Work, read: Read, clock: Clock) -> None:
        self._work = work
        self._read = read
        self._clock = clock

    async def dead(self, limit: int) -> Sequence[QueuedJob]:
        """Dead jobs, the longest due first."""
        async with self._read() as read:
            return await read.jobs.in_status([DEAD], limit)

    async def waiting(self, limit: int) -> Sequence[QueuedJob]:
        """Queued and running jobs, the next due first."""
        async with self._read() as read:
            return await read.jobs.in_status([QUEUED, LEASED], limit)

    async def replay(self, job_id: str) -> None:
        """Queue a dead job again, with as many tries as a new job. Raises NotFound."""
        async with self._work() as work:
            if not await work.jobs.revive(job_id, self._clock.now()):
                raise NotFound("There is no dead job with this id.", field=("job",))
            await work.commit()
