"""Runs queued jobs: claims with a lease, retries with backoff, buries what keeps failing."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog

from db.jobs import Job
from db.unit_of_work import Read, Work
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import DropError
from domain.trace import Trace, TraceKind, note, tracing
from services.incidents import Incidents
from services.jobs.handlers import Handler

LEASE: Final = timedelta(seconds=60)
MAX_ATTEMPTS: Final = 12
_POLL_S: Final = 1.0
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LAST_PAUSE: Final = timedelta(hours=1)
_log = structlog.get_logger()


class Worker:
    """One consumer of the queue; any number may run, in any number of processes."""

    def __init__(
        self,
        work: Work,
        read: Read,
        handlers: Mapping[str, Handler],
        clock: Clock,
        machine_clock: Clock,
        incidents: Incidents,
        on_done: Callable[[Trace], None],
    ) -> None:
        self._work = work
        self._read = read
        self._handlers = handlers
        self._clock = clock
        self._machine_clock = machine_clock
        self._incidents = incidents
        self._on_done = on_done
        self._name = uuid4().hex
        self._woken = asyncio.Event()
        self._looked_at = -math.inf

    @property
    def is_running(self) -> bool:
        """Whether the loop has looked for work lately; a job may take as long as its lease."""
        return time.monotonic() - self._looked_at < LEASE.total_seconds() + _POLL_S

    def wake(self) -> None:
        """There may be work: look now instead of at the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.run_due()
            except Exception:
                _log.exception("worker_loop_failed")  # the database is away: the next poll tries again
                self._incidents.error()
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._woken.wait()

    async def run_due(self) -> int:
        """Run what is due, one job at a time, until nothing is; gives how many ran."""
        count = 0
        while await self._run_one():
            count += 1
        return count

    async def _run_one(self) -> bool:
        self._looked_at = time.monotonic()
        async with self._work() as work:
            job = await work.jobs.claim(
                self._name, now=self._clock.now(), machine_now=self._machine_clock.now(), lease=LEASE
            )
            await work.commit()
        if job is None:
            return False
        with tracing(Trace(job.trace_id or uuid4().hex, self._clock)) as trace:
            await self._work_off(job)
            self._on_done(trace)
        return True

    async def _work_off(self, job: Job) -> None:
        try:
            async with asyncio.timeout(LEASE.total_seconds()):
                await self._handlers[job.kind](job.payload)
        except Exception as error:
            note(TraceKind.JOB, job.kind, f"failed ({type(error).__name__}), try {job.attempts}")
            await self._fail(job, error)
            return
        note(TraceKind.JOB, job.kind, "done")
        async with self._work() as work:
            await work.jobs.finish(job.id, self._name)
            await work.commit()

    async def _fail(self, job: Job, error: Exception) -> None:
        # The message may quote a vendor's answer, so the type alone is kept.
        name = type(error).__name__
        if not isinstance(error, DropError | TimeoutError):
            self._incidents.unhandled(error, where=job.kind)
        async with self._work() as work:
            if job.attempts >= MAX_ATTEMPTS:
                _log.error("job_dead", kind=job.kind, job_id=job.id, error=name)
                await work.jobs.bury(job.id, self._name, error=name)
                self._incidents.alert(Severity.CRITICAL, "Dead job", f"{job.kind} {job.id} failed for good: {name}")
            else:
                _log.warning("job_failed", kind=job.kind, job_id=job.id, attempts=job.attempts, error=name)
                pause = min(_FIRST_PAUSE * 2 ** (job.attempts - 1), _LAST_PAUSE)
                await work.jobs.retry(job.id, self._name, due_at=self._clock.now() + pause, error=name)
            await work.commit()
