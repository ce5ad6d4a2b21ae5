"""Runs queued jobs: claims with a lease, retries with backoff, and marks as dead what fails by a fault of our own.

A vendor that is away makes no job dead: a payment or refund would otherwise stay unfinished after a long outage.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from prometheus_client import Histogram

from db.unit_of_work import Work
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import DropError
from domain.job import QueuedJob, UnknownJobVersion
from domain.timeline import TimelineKind, Trace, record, tracing
from services.incidents import Incidents
from services.jobs.handlers import Handler
from services.jobs.heartbeat import Heartbeats
from services.jobs.signal import WorkerSignal

_BEAT_EVERY_S: Final = 5.0
# What is under way when a worker stops; after that its lease runs out, and another does it again.
_FINISH_WITHIN_S: Final = 10.0
# So many faults of our own make a job dead.
MAX_FAULTS: Final = 12
# After so many tries, about an hour, operators are told that a job still waits for its vendor.
_TOLD_AFTER: Final = 12
_POLL_S: Final = 1.0
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LAST_PAUSE: Final = timedelta(hours=1)
# A job of a newer release is looked at again after this, by whichever process is first.
_LEFT_FOR_NEWER: Final = timedelta(minutes=1)
SECONDS: Final = Histogram("drop_job_seconds", "Time of a job's try.", ["kind", "outcome"])
_log = structlog.get_logger()
_tracer = trace.get_tracer("drop.jobs")


class Worker:
    """One consumer of the queue; any number may run, in any number of processes."""

    def __init__(
        self,
        work: Work,
        handlers: Mapping[str, Handler],
        clock: Clock,
        machine_clock: Clock,
        incidents: Incidents,
        heartbeats: Heartbeats,
        signal: WorkerSignal,
        on_done: Callable[[Trace], None],
        lease: timedelta,
        at_once: int,
    ) -> None:
        self._work = work
        self._handlers = handlers
        self._clock = clock
        self._machine_clock = machine_clock
        self._incidents = incidents
        self._heartbeats = heartbeats
        self._signal = signal
        self._on_done = on_done
        self._name = uuid4().hex
        self._lease = lease
        self._at_once = at_once
        # A vendor that is slow holds up its own kind of work, and no other.
        self._most_of_a_kind = max(at_once // 2, 1)
        self._works = False
        self._running: set[asyncio.Task[None]] = set()
        self._kinds: Counter[str] = Counter()
        # Taken off the queue with the next claim: a worker that dies before then does them again.
        self._done: list[str] = []
        self._beat_at = -math.inf

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of jobs that this release can work off; all others stay queued for other processes."""
        return self._handlers.keys()

    async def run(self) -> None:
        """Work until cancelled, several jobs at once; what is under way then may finish, for a while."""
        self._works = True
        self._tell_room()
        try:
            while True:
                self._signal.clear()
                try:
                    await self._start_due()
                except Exception:
                    _log.exception("worker_loop_failed")  # the database is away: the next poll tries again
                    self._incidents.error()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await self._signal.wait()
        finally:
            self._works = False
            self._tell_room()
            await _finished(self._running)
            await self._forget_heartbeat()

    async def run_due(self) -> int:
        """Run what is due, one job at a time, until nothing is; gives how many ran."""
        count = 0
        while claimed := await self._claim(1):
            await self._do(claimed[0])
            count += 1
        return count

    async def _start_due(self) -> None:
        """As many as may run at once."""
        while True:
            wanted = self._room()
            claimed = await self._claim(wanted)
            for job in claimed:
                self._start(job)
            if len(claimed) < wanted or not wanted:
                return

    def _room(self) -> int:
        """How many more may be claimed together, so that none of the kinds that are not crowded becomes too many."""
        most = max((many for many in self._kinds.values() if many < self._most_of_a_kind), default=0)
        return min(self._at_once - len(self._running), self._most_of_a_kind - most)

    def _start(self, job: QueuedJob) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            was_held_back = self._is_held_back()
            self._running.discard(task)
            self._kinds[job.kind] -= 1
            # Otherwise all that was due is taken, and this job leaves the queue with the claim after the last one.
            if was_held_back or not self._running:
                self._signal.wake()
            self._tell_room()

        self._kinds[job.kind] += 1
        task = asyncio.create_task(self._do_beside(job))
        self._running.add(task)
        self._tell_room()
        task.add_done_callback(ended)

    def _tell_room(self) -> None:
        """Commits of this process then know whether another process has to be woken for their jobs."""
        self._signal.has_room = self._works and not self._is_held_back()

    def _is_held_back(self) -> bool:
        """More of what is due may be left for when a job ends."""
        return len(self._running) >= self._at_once or max(self._kinds.values(), default=0) >= self._most_of_a_kind

    async def _do_beside(self, job: QueuedJob) -> None:
        try:
            await self._do(job)
        except Exception:
            _log.exception("worker_job_failed", kind=job.kind)  # its lease runs out, and it is done again
            self._incidents.error()

    async def _claim(self, limit: int) -> list[QueuedJob]:
        """Take what is done off the queue and lease up to `limit`, in one transaction."""
        await self._beat()
        if not (self._done or limit):
            return []
        # Taken before the first await: two claims that take off the same jobs would forget a third that ends meanwhile.
        done, self._done = self._done, []
        try:
            return await self._finish_and_claim(done, limit)
        except BaseException:
            self._done = done + self._done
            raise

    async def _finish_and_claim(self, done: Sequence[str], limit: int) -> list[QueuedJob]:
        claimed = list[QueuedJob]()
        kinds = [kind for kind in self._handlers if self._kinds[kind] < self._most_of_a_kind]
        now, machine_now = self._clock.now(), self._machine_clock.now()
        lease = self._lease + timedelta(seconds=_POLL_S)
        async with self._work() as work:
            if done:
                await work.jobs.finish(done, self._name)
            if limit:
                claimed = await work.jobs.claim(
                    self._name, limit, now=now, machine_now=machine_now, lease=lease, kinds=kinds
                )
            await work.commit()
        return claimed

    async def _do(self, job: QueuedJob) -> None:
        with (
            tracing(Trace(job.trace_id or uuid4().hex, self._clock)) as trace,
            _tracer.start_as_current_span(f"job {job.kind}", kind=SpanKind.CONSUMER, record_exception=False),
        ):
            await self._work_off(job)
            self._on_done(trace)

    async def _beat(self) -> None:
        """Write this worker's heartbeat a few times a minute, so that health sees that it lives."""
        if time.monotonic() - self._beat_at < _BEAT_EVERY_S:
            return
        await self._heartbeats.beat(self._name)
        self._beat_at = time.monotonic()

    async def _forget_heartbeat(self) -> None:
        with suppress(Exception):  # without the database it is found dead in a while, and its work is done again
            async with self._work() as work:
                await work.jobs.finish(self._done, self._name)
                await work.heartbeats.forget(self._name)
                await work.commit()

    async def _work_off(self, job: QueuedJob) -> None:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._lease.total_seconds()):
                await self._handlers[job.kind](job.payload)
        except UnknownJobVersion:
            record(TimelineKind.JOB, job.kind, "left for a newer release")
            await self._leave_for_newer(job)
            return
        except Exception as error:
            record(TimelineKind.JOB, job.kind, f"failed ({type(error).__name__}), try {job.attempts}")
            SECONDS.labels(job.kind, "failed").observe(time.monotonic() - begun)
            await self._fail(job, error)
            return
        SECONDS.labels(job.kind, "done").observe(time.monotonic() - begun)
        record(TimelineKind.JOB, job.kind, "done")
        self._done.append(job.id)

    async def _leave_for_newer(self, job: QueuedJob) -> None:
        _log.info("job_left_for_newer_release", kind=job.kind, job_id=job.id)
        async with self._work() as work:
            await work.jobs.give_back(job, self._name, due_at=self._clock.now() + _LEFT_FOR_NEWER)
            await work.commit()

    async def _fail(self, job: QueuedJob, error: Exception) -> None:
        # The message may quote a vendor's answer, so the type alone is kept.
        name = type(error).__name__
        if not isinstance(error, DropError | TimeoutError):
            self._incidents.unhandled(error, where=job.kind)
        is_vendor_trouble = isinstance(error, DropError) and error.is_vendor_trouble
        faults = job.faults + (not is_vendor_trouble)
        if is_vendor_trouble and job.attempts == _TOLD_AFTER:
            self._incidents.alert(Severity.WARNING, "Job waits for its vendor", f"{job.kind} {job.id}: {name}")
        async with self._work() as work:
            if faults >= MAX_FAULTS:
                _log.error("job_dead", kind=job.kind, job_id=job.id, error=name)
                await work.jobs.mark_dead(job.id, self._name, error=name)
                self._incidents.alert(Severity.CRITICAL, "Dead job", f"{job.kind} {job.id} failed for good: {name}")
            else:
                _log.warning("job_failed", kind=job.kind, job_id=job.id, attempts=job.attempts, error=name)
                due_at = self._clock.now() + _pause_after(job.attempts)
                await work.jobs.retry(job.id, self._name, due_at=due_at, error=name, faults=faults)
            await work.commit()


def _pause_after(attempts: int) -> timedelta:
    """Twice as long after each try, an hour at most."""
    # The power is capped as well: a job may be tried for weeks, and its pause would outgrow what a timedelta holds.
    doublings = min(attempts - 1, _TOLD_AFTER)
    return min(_FIRST_PAUSE * int(2**doublings), _LAST_PAUSE)


async def _finished(running: set[asyncio.Task[None]]) -> None:
    """Within the time that a stop may take."""
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=_FINISH_WITHIN_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
