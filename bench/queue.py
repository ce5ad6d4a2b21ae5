"""How many jobs does one worker process work off in a second, and how long does a job wait for an idle one?

`python -m bench.queue`, on a PostgreSQL of its own; the jobs themselves do nothing.
"""

import asyncio
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.machine import at, heading, tell
from db.engine import Database, open_database
from db.migrate import migrate
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.job import Job
from gateway.assembly.clocks import SystemClock
from providers.alerts.console import ConsoleAlerts
from providers.errors.off import NoCapture
from services.incidents import Incidents
from services.jobs.handlers import handler
from services.jobs.heartbeat import Heartbeats
from services.jobs.signal import WorkerSignal
from services.jobs.worker import Worker
from tests.builders.private_servers import private_postgresql

JOBS = 5_000
WAITS = 300


@dataclass(frozen=True, slots=True)
class Nothing(Job):
    """A job that does nothing, so that the queue alone is measured."""

    kind: ClassVar[str] = "nothing"
    number: int


class Bench:
    """One worker over one queue."""

    def __init__(self, database: Database, at_once: int) -> None:
        signal = WorkerSignal()
        self.work = partial(UnitOfWork, database.write, CommitWakeUps(on_jobs=signal.wake))
        clock, lease = SystemClock(), timedelta(seconds=30)
        self.worker = Worker(
            self.work,
            dict([handler(Nothing, self.do)]),
            clock,
            clock,
            Incidents(ConsoleAlerts("bench"), NoCapture(), clock),
            Heartbeats(self.work, partial(Reading, database.read), clock, lease),
            signal,
            lambda _: None,
            lease,
            at_once,
            release="bench",
            money_kinds=(),
        )
        self.begun: dict[int, float] = {}
        self.has_begun = asyncio.Event()

    async def do(self, job: Nothing) -> None:
        self.begun[job.number] = time.monotonic()
        self.has_begun.set()

    async def enqueue(self, *numbers: int) -> None:
        now = datetime.now(UTC)  # the machine's time, as the worker's
        async with self.work() as work:
            for number in numbers:
                work.jobs.enqueue(Nothing(number), now=now)
            await work.commit()

    async def until(self, many: int) -> None:
        while len(self.begun) < many:
            self.has_begun.clear()
            await self.has_begun.wait()


async def throughput(database: Database, at_once: int) -> float:
    bench = Bench(database, at_once)
    await bench.enqueue(*range(JOBS))
    begun = time.monotonic()
    working = asyncio.create_task(bench.worker.run())
    await bench.until(JOBS)
    took = time.monotonic() - begun
    await stop(working)
    return JOBS / took


async def waits(database: Database) -> list[float]:
    """From before the transaction that enqueues to the job's first step, in ms."""
    bench = Bench(database, at_once=8)
    working = asyncio.create_task(bench.worker.run())
    took: list[float] = []
    for number in range(WAITS):
        asked = time.monotonic()
        await bench.enqueue(number)
        await bench.until(number + 1)
        took.append(1_000 * (bench.begun[number] - asked))
    await stop(working)
    return took


async def stop(working: asyncio.Task[None]) -> None:
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def measure() -> None:
    with private_postgresql(Path(tempfile.mkdtemp())) as postgresql:
        database = open_database(postgresql.url)
        await migrate(database)
        tell(heading())
        for at_once in (2, 8, 32):
            tell(f"JOBS_AT_ONCE={at_once}: {await throughput(database, at_once):.0f} jobs a second")
        took = await waits(database)
        tell(f"from enqueue to begin, idle worker: p50 {at(took, 0.5):.1f} ms, p99 {at(took, 0.99):.1f}")
        await database.close()


if __name__ == "__main__":
    asyncio.run(measure())
