"""The order of time in mock mode: the driver gives the sandbox the time, and runs what falls due.

While the clock runs by itself, the driver passes each moment on to the sandbox. When the clock is advanced, the driver
steps from one due thing to the next, so that a run has the same result every time.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import structlog

from db.clock_offset import load_offset, move_offset
from db.engine import Database
from db.unit_of_work import Read
from domain.errors import Forbidden
from gateway.assembly.clocks import OffsetClock
from routes.mock import ClockReading
from services.jobs.worker import Worker

_LONGEST_PAUSE_S: Final = 0.5
_LOOK_AGAIN_S: Final = 0.02
_log = structlog.get_logger()


class ClockDriver:
    """Owns the product's clock in mock mode. `scheduled` is set where the sandbox has planned something."""

    def __init__(
        self,
        clock: OffsetClock,
        sandbox: httpx.AsyncClient | None,
        worker: Worker,
        read: Read,
        database: Database,
        scheduled: asyncio.Event,
        *,
        may_move: bool,
    ) -> None:
        self._clock = clock
        self._sandbox = sandbox
        self._worker = worker
        self._read = read
        self._database = database
        self._may_move = may_move
        self._scheduled = scheduled
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Pass the time on to the sandbox as it runs, until cancelled."""
        while True:
            self._scheduled.clear()
            try:
                async with self._turn:
                    due = (await self._pass_on(self._clock.now())).next_due
            except httpx.HTTPError:
                _log.warning("sandbox_away")
                due = None
            pause = _LONGEST_PAUSE_S if due is None else (due - self._clock.now()).total_seconds()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(max(pause, 0.005), _LONGEST_PAUSE_S)):
                    await self._scheduled.wait()

    async def settle(self) -> None:
        """Do all that is due now, and all that becomes due by it now."""
        async with self._turn:
            await self._settle()

    async def advance(self, by: timedelta) -> None:
        """Move the clock forward, stopping at each due thing on the way, in order. Raises Forbidden.

        What other processes move the clock by meanwhile comes on top.
        """
        self._require_all_mock()
        async with self._turn:
            # The machine's time that passes during the steps counts towards `by`.
            ends, moved = self._clock.base_now() + by, timedelta()
            await self._settle()
            while (left := ends - self._clock.base_now() - moved) > timedelta():
                due = await self._next_due()
                step = left if due is None else min(left, due - self._clock.now())
                if step > timedelta() and await self._move(step):
                    moved += step
                await self._settle()

    async def advance_to_next(self) -> None:
        """Move to the next due thing and do it; nothing moves where nothing is due. Raises Forbidden."""
        self._require_all_mock()
        async with self._turn:
            await self._settle()
            while (due := await self._next_due()) is not None and (step := due - self._clock.now()) > timedelta():
                if await self._move(step):
                    break
            await self._settle()

    def _require_all_mock(self) -> None:
        if not self._may_move:
            raise Forbidden("A provider is not a mock, and its time cannot be moved.")

    async def reading(self) -> ClockReading:
        """The product's time, how far it is ahead of the machine's, and when something falls due next."""
        return ClockReading(self._clock.now(), self._clock.offset.ahead, await self._next_due())

    async def _settle(self) -> None:
        while True:
            now = self._clock.now()
            passed = await self._pass_on(now)
            ran = await self._worker.run_due()
            if await self._is_under_way(now):
                # The clock must wait for this job: what the job plans for a minute later would fall behind the clock.
                await asyncio.sleep(_LOOK_AGAIN_S)
            elif passed.done == 0 and ran == 0:
                return

    async def _is_under_way(self, now: datetime) -> bool:
        """Whether another worker still does a due job. A dead worker's job counts until its lease has run out."""
        async with self._read() as read:
            return await read.jobs.is_under_way(now, self._worker.kinds)

    async def _pass_on(self, now: datetime) -> "_Passed":
        """Let the sandbox do what is due by `now`. Without a sandbox there is nothing to do."""
        if self._sandbox is None:
            return _Passed(0, None)
        answer = await _tell(self._sandbox, now)
        return _Passed(answer["done"], _time(answer["nextDue"]))

    async def _next_due(self) -> datetime | None:
        """The earliest of what the sandbox and the queue have due."""
        at_vendors = (
            _time((await self._sandbox.get("/clock")).raise_for_status().json()["nextDue"]) if self._sandbox else None
        )
        async with self._read() as read:
            job = await read.jobs.next_due(self._worker.kinds)
        return min((due for due in (at_vendors, job) if due is not None), default=None)

    async def _move(self, by: timedelta) -> bool:
        """Move the clock. Gives False if another process has moved it, as the next due time is then another."""
        before = self._clock.offset
        after = replace(before, ahead=before.ahead + by)
        moved = await move_offset(self._database, before, after)
        self._clock.follow(after if moved else await load_offset(self._database))
        return moved


async def follow_offset(clock: OffsetClock, database: Database) -> None:
    """Follow the offset that other processes have set, until cancelled. The clock goes back at a reset alone."""
    while True:
        try:
            clock.follow(await load_offset(database))
        except Exception:
            _log.exception("clock_offset_not_read")  # the database is away: the next look tries again
        await asyncio.sleep(_LONGEST_PAUSE_S)


async def _tell(sandbox: httpx.AsyncClient, now: datetime) -> dict[str, Any]:
    """Let the sandbox do what is due by `now`. Gives its answer. Raises httpx.HTTPError."""
    response = await sandbox.post("/clock", json={"now": now.isoformat()})
    answer: dict[str, Any] = response.raise_for_status().json()
    return answer


async def start_over(clock: OffsetClock, database: Database, sandbox: httpx.AsyncClient) -> None:
    """Empty the sandbox, and follow the reset clock at once, here and there."""
    clock.follow(await load_offset(database))
    (await sandbox.post("/reset")).raise_for_status()
    await _tell(sandbox, clock.now())


@dataclass(frozen=True, slots=True)
class _Passed:
    """How much the sandbox did, and when something falls due next."""

    done: int
    next_due: datetime | None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
