"""The queue, for operators: what waits, what was given up, and trying it again."""

from collections.abc import Sequence

from db.jobs import DEAD, LEASED, QUEUED
from db.unit_of_work import Read, Work
from domain.clock import Clock
from domain.errors import NotFound
from domain.job import QueuedJob


class Queue:
    """The queue as operators see it. `replay` commits; a job that is dead stays so until somebody replays it."""

    def __init__(self, work: Work, read: Read, clock: Clock) -> None:
        self._work = work
        self._read = read
        self._clock = clock

    async def dead(self, limit: int) -> Sequence[QueuedJob]:
        """What was given up, the longest due first."""
        async with self._read() as read:
            return await read.jobs.in_status([DEAD], limit)

    async def waiting(self, limit: int) -> Sequence[QueuedJob]:
        """What is to be done or being done, the next due first."""
        async with self._read() as read:
            return await read.jobs.in_status([QUEUED, LEASED], limit)

    async def replay(self, job_id: str) -> None:
        """Try a dead job again, as often as a new one. Raises NotFound."""
        async with self._work() as work:
            if not await work.jobs.revive(job_id, self._clock.now()):
                raise NotFound("There is no dead job with this id.", field=("job",))
            await work.commit()
