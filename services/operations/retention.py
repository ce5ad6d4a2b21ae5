"""Deletes what is past its time, as `db/retention.py` declares it table by table."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import ClassVar, Final

import structlog
from sqlalchemy import ColumnElement, Table

from db.purge import BATCH, Batch, Key
from db.retention import EMPTIED, Emptied, Kept, Link, kept, links_to, of_their_own_time
from db.unit_of_work import Read, Work
from domain.clock import Clock
from domain.job import Job
from domain.retention import Lengths
from services.operations.audit_trail import AuditTrail

_EVERY: Final = timedelta(days=1)
PURGES: Final = "purge"
_FIRST_ID: Final = "job_purge"
_log = structlog.get_logger()


class Purge(Job):
    """Delete data whose time is over, once a day."""

    kind: ClassVar[str] = "purge"

    @property
    def row_id(self) -> str:
        """One series of jobs, whatever starts it."""
        return PURGES


class _OutOfTime(Exception):
    """The job's lease runs out soon: another job goes on."""


class Retention:
    """The daily purge.

    `machine_clock` is for what lives by the machine's time. A job ends after half of its `lease`, and another goes on
    where it ended.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        audit: AuditTrail,
        clock: Clock,
        machine_clock: Clock,
        lengths: Lengths,
        *,
        lease: timedelta,
    ) -> None:
        self._work = work
        self._read = read
        self._audit = audit
        self._clock = clock
        self._machine_clock = machine_clock
        self._lengths = lengths
        self._works_for_s = lease.total_seconds() / 2

    async def schedule(self) -> None:
        """Queue the purge unless it is queued already. Commits. Safe to repeat, from any number of processes."""
        now = self._clock.now()
        async with self._work() as work:
            await work.jobs.enqueue_once(_FIRST_ID, Purge(), due_at=now + _EVERY, now=now)
            await work.commit()

    async def purge(self) -> None:
        """Delete data whose time is over, and queue the next purge. Each batch commits. Safe to repeat.

        What fails costs its own table alone. Raises the last error once the other tables are done.
        """
        ends_at = time.monotonic() + self._works_for_s
        run = _Run(self._work, self._read, ends_at)
        failure: Exception | None = None
        pause = _EVERY
        for one, cutoff in await self._past():
            try:
                await run.purge(one, cutoff)
            except _OutOfTime:
                pause = timedelta()
                break
            except Exception as error:
                _log.exception("table_not_purged", table=one.table.name)
                failure = error
        for emptied in EMPTIED:
            try:
                await run.empty(emptied, emptied.period.cutoff(self._clock.now(), self._lengths))
            except _OutOfTime:
                pause = timedelta()
            except Exception as error:
                _log.exception("columns_not_emptied", table=emptied.table.name)
                failure = error
        try:
            if pause and not await self._audit.drop(ends_at - time.monotonic()):
                pause = timedelta()
        except Exception as error:
            _log.exception("audit_trail_not_purged")
            failure = error
        if failure is not None:
            raise failure
        await self._queue_next(pause)

    async def _queue_next(self, pause: timedelta) -> None:
        now = self._clock.now()
        async with self._work() as work:
            await work.jobs.enqueue_next(Purge(), due_at=now + pause, now=now)
            await work.commit()

    async def _past(self) -> list[tuple[Kept, datetime]]:
        """The tables that have rows to delete, with their cutoffs, found by one statement; all where it fails."""
        all_of_them = [(one, self._cutoff(one)) for one in of_their_own_time()]
        try:
            async with self._read() as read:
                tables = await read.purge.tables_with_past({one.table.name: cutoff for one, cutoff in all_of_them})
        except Exception:
            _log.exception("tables_not_looked_at")
            return all_of_them
        return [(one, cutoff) for one, cutoff in all_of_them if one.table.name in tables]

    def _cutoff(self, one: Kept) -> datetime:
        assert one.period is not None
        clock = self._machine_clock if one.by_machine else self._clock
        return one.period.cutoff(clock.now(), self._lengths)


class _Run:
    """One job's work, until `ends_at` of the monotonic clock."""

    def __init__(self, work: Work, read: Read, ends_at: float) -> None:
        self._work = work
        self._read = read
        self._ends_at = ends_at

    async def purge(self, one: Kept, cutoff: datetime) -> None:
        """Delete a table's rows that are older than `cutoff`, and before them what goes with them."""

        async def find(after: Key | None) -> Batch | None:
            async with self._read() as read:
                return await read.purge.past(one, cutoff, after)

        await self._remove(one.table, find, only=one.only)

    async def empty(self, one: Emptied, cutoff: datetime) -> None:
        """Empty columns of rows that stay, where they are older than `cutoff`."""
        emptied = BATCH
        while emptied == BATCH:
            async with self._work() as work:
                emptied = await work.purge.empty_past(one, cutoff)
                await work.commit()
            if emptied and time.monotonic() > self._ends_at:
                raise _OutOfTime

    async def _remove(
        self,
        table: Table,
        find: Callable[[Key | None], Awaitable[Batch | None]],
        only: ColumnElement[bool] | None = None,
    ) -> None:
        after: Key | None = None
        while batch := await find(after):
            await self._remove_children(table, batch)
            async with self._work() as work:
                await work.purge.empty(kept(table), batch.keys)
                await work.purge.delete(table, batch.keys, only)
                await work.commit()
            # After the batch, so that a job gets on however short its lease is.
            if time.monotonic() > self._ends_at:
                raise _OutOfTime
            after = batch.end

    async def _remove_children(self, table: Table, parents: Batch) -> None:
        for link in links_to(table):
            if not kept(link.child).goes_with_parent:
                continue

            async def find(after: Key | None, link: Link = link) -> Batch | None:
                async with self._read() as read:
                    return await read.purge.under(link, parents, after)

            await self._remove(link.child, find)
