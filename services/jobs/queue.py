"""The queue, for operators: the waiting jobs, the blocked jobs, and trying blocked jobs again."""

from collections.abc import Sequence

from db.jobs import BLOCKED, LEASED, QUEUED
from db.unit_of_work import Read, Work
from domain.clock import Clock
from domain.errors import NotFound
from domain.job import QueuedJob


class Queue:
    """The queue as operators see it. Both ways to replay commit.

    A blocked job failed by a fault of our own. The next release tries it again, and so may an operator.
    """

    def __init__(self, work: Work, read: Read, clock: Clock) -> None:
        self._work = work
        self._read = read
        self._clock = clock

    async def blocked(self, limit: int) -> Sequence[QueuedJob]:
        """Blocked jobs, the longest due first."""
        async with self._read() as read:
            return await read.jobs.in_status([BLOCKED], limit)

    async def waiting(self, limit: int) -> Sequence[QueuedJob]:
        """Queued and running jobs, the next due first."""
        async with self._read() as read:
            return await read.jobs.in_status([QUEUED, LEASED], limit)

    async def replay(self, job_id: str) -> None:
        """Queue a blocked job again, with as many tries as a new job. Raises NotFound."""
        async with self._work() as work:
            if not await work.jobs.unblock_one(job_id, self._clock.now()):
                raise NotFound("There is no blocked job with this id.", field=("job",))
            await work.commit()

    async def replay_kind(self, kind: str) -> int:
        """Queue all blocked jobs of a kind again, each with as many tries as a new job.

        Gives how many. Raises NotFound where none is blocked.
        """
        async with self._work() as work:
            count = await work.jobs.unblock_kind(kind, self._clock.now())
            await work.commit()
        if not count:
            raise NotFound("No job of this kind is blocked.", field=("kind",))
        return count
