"""Whether any worker is alive in any process: each worker writes a heartbeat a few times a minute.

A worker that stops leaves its last heartbeat, so that a deploy in which no worker runs for a moment alarms nobody.
"""

from datetime import datetime, timedelta
from typing import Final

from db.unit_of_work import Read, Work
from domain.clock import Clock

# A worker without a heartbeat for this long counts as dead.
DEAD_AFTER: Final = timedelta(minutes=2)
# Between two heartbeats of a worker that is busy for its longest time.
_BETWEEN: Final = timedelta(seconds=15)


class Heartbeats:
    """`lease` is the longest time of a job, in which a worker may write no heartbeat."""

    def __init__(self, work: Work, read: Read, machine_clock: Clock, lease: timedelta) -> None:
        self._work = work
        self._read = read
        self._clock = machine_clock
        self._lease = lease

    async def beat(self, worker: str) -> None:
        """Write the worker's heartbeat and delete those of dead workers. Commits."""
        async with self._work() as work:
            await work.heartbeats.beat(worker, self._clock.now())
            await work.heartbeats.forget_before(self._dead_before())
            await work.commit()

    async def is_any_alive(self) -> bool:
        """Whether a worker of any process has looked for work lately."""
        # A heartbeat from far ahead is by a clock that has gone back since, and says nothing about now.
        async with self._read() as read:
            return await read.heartbeats.any_between(self._dead_before(), self._clock.now() + DEAD_AFTER)

    def _dead_before(self) -> datetime:
        return self._clock.now() - max(DEAD_AFTER, self._lease + _BETWEEN)
