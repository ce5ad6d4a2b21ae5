"""The timeline of each payment: its requests, vendor calls, webhooks, changes and pushes, in one list."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from db.timeline import TraceLine
from db.unit_of_work import Read, Work
from domain.clock import Clock
from domain.ids import PaymentId, UserId, user_hash
from domain.timeline import StoredEntry, TimelineEntry, TimelineKind, Trace

_FLUSH_EVERY_S: Final = 0.5
# Further lines are dropped, since they would fill the memory: payments do not depend on their timelines.
_WAITING: Final = 10_000
_SHOWN: Final = 500
_log = structlog.get_logger()


class Timeline:
    """Keeps timeline lines in memory and writes them in batches, apart from the transactions that they describe."""

    def __init__(self, work: Work, read: Read, clock: Clock, *, keeps_pushes: bool) -> None:
        self._work = work
        self._read = read
        self._clock = clock
        self._keeps_pushes = keeps_pushes
        self._waiting: list[TraceLine] = []
        self._writing = asyncio.Lock()

    def trace(self, trace_id: str) -> Trace:
        """A trace by the product's clock, to be recorded once its request has ended."""
        return Trace(trace_id, self._clock)

    def record(self, trace: Trace) -> None:
        """Keep the entries of a request or job that has ended, for each payment that it touched."""
        for payment_id, user_id in sorted(trace.payments.items()):
            _tell(payment_id, user_id, trace)
            self._keep([(payment_id, trace.id, entry) for entry in trace.entries])

    def pushed(self, payment_id: PaymentId, version: int, trace_id: str) -> None:
        """Keep a line for a version of a payment that was sent to a subscriber."""
        if self._keeps_pushes:
            entry = TimelineEntry(TimelineKind.PUSH, f"version {version}", "sent to a subscriber", self._clock.now())
            self._keep([(payment_id, trace_id, entry)])

    async def run(self) -> None:
        """Write the waiting lines twice a second, until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_EVERY_S)
            try:
                await self.flush()
            except Exception:
                _log.exception("timeline_not_written")  # the database is away: the number of waiting lines is bounded

    async def flush(self) -> None:
        """Write the waiting lines now. Commits."""
        async with self._writing:
            lines, self._waiting = self._waiting, []
            if not lines:
                return
            try:
                async with self._work() as work:
                    await work.traces.add(lines)
                    await work.commit()
            except BaseException:
                # First in order, and within the bound: what came meanwhile is dropped first.
                self._waiting = (lines + self._waiting)[:_WAITING]
                raise

    async def of_payment(self, payment_id: PaymentId) -> Sequence[StoredEntry]:
        """The lines of a payment, oldest first."""
        await self.flush()
        async with self._read() as read:
            return await read.traces.of_payment(payment_id, _SHOWN)

    async def newest(self, limit: int) -> Sequence[StoredEntry]:
        await self.flush()
        async with self._read() as read:
            return await read.traces.newest(min(limit, _SHOWN))

    async def after(self, number: int) -> Sequence[StoredEntry]:
        await self.flush()
        async with self._read() as read:
            return await read.traces.after(number, _SHOWN)

    def _keep(self, lines: Sequence[TraceLine]) -> None:
        self._waiting.extend(lines[: max(_WAITING - len(self._waiting), 0)])


def _tell(payment_id: PaymentId, user_id: UserId, trace: Trace) -> None:
    """The same in the log: it outlives the timeline, and is read where no operator token is at hand."""
    for entry in trace.entries:
        _log.info(
            "payment_step",
            payment_id=payment_id,
            user=user_hash(user_id),
            request_id=trace.id,
            step=entry.kind,
            summary=entry.summary,
            outcome=entry.outcome,
        )
