"""Runs queued jobs: claims with a lease, retries with backoff, and blocks what fails by a fault of our own.

A vendor that is away blocks no job: a payment or refund would otherwise stay unfinished after a long outage.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from prometheus_client import Histogram

from db.span_links import link_to
from db.unit_of_work import Work
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import DropError
from domain.job import QueuedJob, UnknownJobVersion
from domain.timeline import TimelineKind, Trace, attributes, record, tracing
from services.incidents import Incidents
from services.jobs.handlers import Handler
from services.jobs.heartbeat import Heartbeats
from services.jobs.signal import WorkerSignal

_BEAT_EVERY_S: Final = 5.0
# How long a stopping worker waits for its jobs. A job that is cut off is done again by another worker.
_FINISH_WITHIN_S: Final = 10.0
# A job that failed so often by faults of our own is blocked, until another release or an operator tries it again.
MAX_FAULTS: Final = 12
# After so many tries, about an hour, operators are alerted that a job still waits for its vendor.
_TOLD_AFTER: Final = 12
_POLL_S: Final = 1.0
# The top of what a job may take whose lease is renewed.
_LONGEST: Final = timedelta(hours=1)
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LAST_PAUSE: Final = timedelta(hours=1)
# How long a blocked job is left alone by other releases, and how often they look for one.
_LEFT_BLOCKED: Final = timedelta(hours=1)
_LOOK_EVERY_S: Final = 60.0
# A job that only a newer release can do waits so long before any process claims it again.
_LEFT_FOR_NEWER: Final = timedelta(minutes=1)
SECONDS: Final = Histogram("drop_job_seconds", "Time of a job's try.", ["kind", "outcome"])
_log = structlog.get_logger()
_tracer = trace.get_tracer("drop.jobs")


class Worker:
    """One consumer of the queue. Any number of workers may run, in any number of processes."""

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
        release: str,
        money_kinds: Collection[str],
        long_kinds: Collection[str] = (),
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
        self._release = release
        # A limit per kind: jobs that wait for a slow vendor must not take the places of all other jobs.
        self._most_of_a_kind = max(at_once // 2, 1)
        # A quarter of the places is left to what moves money, so that no flood of other jobs holds up a payment.
        self._money_kinds = frozenset(money_kinds)
        self._most_of_others = at_once - max(at_once // 4, 1)
        self._long_kinds = frozenset(long_kinds)
        self._works = False
        self._running: set[asyncio.Task[None]] = set()
        self._kinds: Counter[str] = Counter()
        # Jobs that are done leave the queue with the next claim. If the worker dies before it, they are done again.
        self._done: list[str] = []
        self._beat_at = -math.inf
        self._looked_at = -math.inf

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of jobs that this release can work off; all others stay queued for other processes."""
        return self._handlers.keys()

    async def run(self) -> None:
        """Work until cancelled, several jobs at once. Running jobs then have a few seconds to finish."""
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
            await self._leave()

    async def run_due(self) -> int:
        """Run the due jobs, one at a time, until none is due. Gives how many ran."""
        count = 0
        while claimed := await self._claim(1, self._below_limit()):
            await self._do(claimed[0])
            count += 1
        return count

    async def _start_due(self) -> None:
        """Claim and start due jobs until as many run as may run at once."""
        while True:
            kinds = self._claimable()
            wanted = self._room(kinds)
            claimed = await self._claim(wanted, kinds)
            for job in claimed:
                self._start(job)
            if len(claimed) < wanted or not wanted:
                return

    def _below_limit(self) -> list[str]:
        return [kind for kind in self._handlers if self._kinds[kind] < self._most_of_a_kind]

    def _claimable(self) -> list[str]:
        """The kinds of which a job may be claimed now."""
        kinds = self._below_limit()
        return kinds if self._places_of_others() else [kind for kind in kinds if kind in self._money_kinds]

    def _room(self, kinds: Collection[str]) -> int:
        """How many jobs of these kinds may be claimed now: even if all are of one kind, no limit is exceeded."""
        places = self._at_once - len(self._running)
        if not self._money_kinds.issuperset(kinds):
            places = min(places, self._places_of_others())
        most = max((self._kinds[kind] for kind in kinds), default=self._most_of_a_kind)
        return min(places, self._most_of_a_kind - most)

    def _places_of_others(self) -> int:
        """How many more jobs may run that move no money."""
        others = sum(many for kind, many in self._kinds.items() if kind not in self._money_kinds)
        return max(self._most_of_others - others, 0)

    def _start(self, job: QueuedJob) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            was_held_back = self._is_held_back()
            self._running.discard(task)
            self._kinds[job.kind] -= 1
            # Due jobs may wait for this place, or the last claim is needed to take this job off the queue.
            if was_held_back or not self._running:
                self._signal.wake()
            self._tell_room()

        self._kinds[job.kind] += 1
        task = asyncio.create_task(self._do_safely(job))
        self._running.add(task)
        self._tell_room()
        task.add_done_callback(ended)

    def _tell_room(self) -> None:
        """Tell the commits of this process whether they must wake another process for their jobs."""
        self._signal.has_room = self._works and not self._is_held_back()

    def _is_held_back(self) -> bool:
        """Whether due jobs may be left in the queue until a running job ends."""
        is_full = len(self._running) >= self._at_once or not self._places_of_others()
        return is_full or max(self._kinds.values(), default=0) >= self._most_of_a_kind

    async def _do_safely(self, job: QueuedJob) -> None:
        try:
            await self._do(job)
        except Exception:
            _log.exception("worker_job_failed", kind=job.kind)  # once the lease has run out, the job is done again
            self._incidents.error()

    async def _claim(self, limit: int, kinds: Collection[str]) -> list[QueuedJob]:
        """Take the finished jobs off the queue and lease up to `limit` due ones of these kinds, in one transaction."""
        await self._beat()
        await self._unblock()
        if not (self._done or limit):
            return []
        # Emptied before the first await: a job that ends while the claim runs must stay in the list for the next claim.
        done, self._done = self._done, []
        try:
            return await self._finish_and_claim(done, limit, kinds)
        except BaseException:
            self._done = done + self._done
            raise

    async def _finish_and_claim(self, done: Sequence[str], limit: int, kinds: Collection[str]) -> list[QueuedJob]:
        claimed = list[QueuedJob]()
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
            _tracer.start_as_current_span(
                f"job {job.kind}", kind=SpanKind.CONSUMER, links=link_to(job.span), record_exception=False
            ) as span,
        ):
            await self._work_off(job)
            span.set_attributes(attributes())
            self._on_done(trace)

    async def _beat(self) -> None:
        """Write this worker's heartbeat a few times a minute, so that health sees that it lives."""
        if time.monotonic() - self._beat_at < _BEAT_EVERY_S:
            return
        await self._heartbeats.beat(self._name)
        self._beat_at = time.monotonic()

    async def _unblock(self) -> None:
        """Once a minute, queue what a fault of another release blocked: this release may have mended it.

        What a clock that has gone back queued falls due now, too.
        """
        if time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return
        async with self._work() as work:
            count = await work.jobs.unblock_of_others(self._release, self.kinds, self._clock.now())
            ahead = await work.jobs.move_back(self._clock.now())
            await work.commit()
        self._looked_at = time.monotonic()
        if ahead:
            _log.warning("clock_went_back", jobs=ahead)
            self._incidents.alert(Severity.WARNING, "Clock went back", f"{ahead} jobs were queued in the future")
        if count:
            _log.info("jobs_of_another_release_unblocked", count=count)

    async def _leave(self) -> None:
        """Take the finished jobs off the queue, and give back what was claimed and has not ended."""
        with suppress(Exception):  # without the database, the leases run out by themselves
            async with self._work() as work:
                await work.jobs.finish(self._done, self._name)
                await work.jobs.give_back_all(self._name)
                await work.commit()

    async def _work_off(self, job: QueuedJob) -> None:
        begun = time.monotonic()
        try:
            async with self._held(job):
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

    @asynccontextmanager
    async def _held(self, job: QueuedJob) -> AsyncIterator[None]:
        """Raises TimeoutError where the lease runs out. That of a kind which may take long is renewed meanwhile."""
        is_long = job.kind in self._long_kinds
        renewing = asyncio.create_task(self._renew(job)) if is_long else None
        try:
            async with asyncio.timeout((_LONGEST if is_long else self._lease).total_seconds()):
                yield
        finally:
            if renewing is not None:
                renewing.cancel()

    async def _renew(self, job: QueuedJob) -> None:
        lease = self._lease + timedelta(seconds=_POLL_S)
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            with suppress(Exception):  # without the database the lease may run out: every job may be done twice
                async with self._work() as work:
                    await work.jobs.renew(job.id, self._name, until=self._machine_clock.now() + lease)
                    await work.commit()

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
            # The kind stands in the title: one alert per title goes out in ten minutes.
            self._incidents.alert(Severity.WARNING, f"Job waits for its vendor: {job.kind}", f"{job.id}: {name}")
        if faults >= MAX_FAULTS:
            await self._block(job, name)
            return
        _log.warning("job_failed", kind=job.kind, job_id=job.id, attempts=job.attempts, error=name)
        async with self._work() as work:
            due_at = self._clock.now() + _pause_after(job.attempts)
            await work.jobs.retry(job.id, self._name, due_at=due_at, error=name, faults=faults)
            await work.commit()

    async def _block(self, job: QueuedJob, error: str) -> None:
        _log.error("job_blocked", kind=job.kind, job_id=job.id, error=error)
        async with self._work() as work:
            retry_at = self._clock.now() + _LEFT_BLOCKED
            await work.jobs.block(job.id, self._name, release=self._release, retry_at=retry_at, error=error)
            await work.commit()
        self._incidents.alert(
            Severity.CRITICAL, f"Job blocked: {job.kind}", f"{job.id} failed {MAX_FAULTS} times: {error}"
        )


def _pause_after(attempts: int) -> timedelta:
    """Twice as long after each try, an hour at most."""
    # The power is capped as well: a job may be tried for weeks, and its pause would outgrow what a timedelta holds.
    doublings = min(attempts - 1, _TOLD_AFTER)
    return min(_FIRST_PAUSE * int(2**doublings), _LAST_PAUSE)


async def _finished(running: set[asyncio.Task[None]]) -> None:
    """Wait for the running jobs as long as a stop may take, then cancel them."""
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=_FINISH_WITHIN_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
