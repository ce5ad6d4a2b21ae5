"""Each payment's way: what was asked, called, received, changed and pushed, in one list."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from db.timeline import TraceLine
from db.unit_of_work import Read, Work
from domain.clock import Clock
from domain.ids import PaymentId
from domain.timeline import StoredEntry, TimelineEntry, TimelineKind, Trace

_FLUSH_EVERY_S: Final = 0.5
# More than this is lost rather than kept in memory: the timeline helps, and payments do not need it.
_WAITING: Final = 10_000
_SHOWN: Final = 500
_log = structlog.get_logger()


class Timeline:
    """Lines wait in memory and are written in batches, beside the work that they tell of."""

    def __init__(self, work: Work, read: Read, clock: Clock, *, keeps_pushes: bool) -> None:
        self._work = work
        self._read = read
        self._clock = clock
        self._keeps_pushes = keeps_pushes
        self._waiting: list[TraceLine] = []
        self._writing = asyncio.Lock()

    def record(self, trace: Trace) -> None:
        """A request or job is over: keep its entries, where it touched a payment."""
        for payment_id in sorted(trace.payments):
            self._keep([(payment_id, trace.id, entry) for entry in trace.entries])

    def pushed(self, payment_id: PaymentId, version: int, trace_id: str) -> None:
        """A subscriber was sent a version of a payment."""
        if self._keeps_pushes:
            entry = TimelineEntry(TimelineKind.PUSH, f"version {version}", "sent to a subscriber", self._clock.now())
            self._keep([(payment_id, trace_id, entry)])

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_EVERY_S)
            try:
                await self.flush()
            except Exception:
                _log.exception("timeline_not_written")  # the database is away: what waits is bounded

    async def flush(self) -> None:
        """Write what waits now."""
        async with self._writing:
            lines, self._waiting = self._waiting, []
            if not lines:
                return
            async with self._work() as work:
                await work.traces.add(lines)
                await work.commit()

    async def of_payment(self, payment_id: PaymentId) -> Sequence[StoredEntry]:
        """Oldest first."""
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
