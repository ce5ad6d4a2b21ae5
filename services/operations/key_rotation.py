"""Encrypts anew, by the first key, what other keys have encrypted, or what releases before have kept readable."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from db.sealed_rows import SEALED_TABLES, SealedRowQueries
from db.unit_of_work import Read, Work, retry_on_stale

_START: Final = ""
# What was held by others is looked at again; beyond this, a process still writes by another key.
_PASSES: Final = 3
Shown = Callable[[str, int, int], None]


@dataclass(slots=True)
class Rotated:
    """How many rows were encrypted anew, and by table those that could not be, and those that still wait."""

    rows: int = 0
    failed: dict[str, set[str]] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)

    @property
    def is_through(self) -> bool:
        """Whether the other keys are needed no more."""
        return not (self.failed or self.waiting)


class KeyRotation:
    """Goes through the tables while the gateway serves: a page of rows is looked at, and locked only to be written.

    Safe to break off and to run again: what is encrypted by the first key is read and left.
    """

    def __init__(self, work: Work, read: Read) -> None:
        self._work = work
        self._read = read

    async def run(self, shown: Shown) -> Rotated:
        """Each batch commits. `shown` is given the table, the rows looked at, and how many there are about."""
        done = Rotated()
        for table in SEALED_TABLES:
            for _ in range(_PASSES):
                left = await self._pass(table, shown, done)
                if not left:
                    break
            else:
                done.waiting[table] = left
        return done

    async def _pass(self, table: str, shown: Shown, done: Rotated) -> int:
        """Gives how many rows still wait."""
        async with self._read() as read:
            total = await SealedRowQueries(read.session).count(table)
        after, looked_at, left = _START, 0, 0
        shown(table, 0, total)
        while True:
            async with self._read() as read:
                page = await SealedRowQueries(read.session).page(table, after)
            if page is None:
                break
            stale = [row for row in page.stale if row not in done.failed.get(table, ())]
            if stale:
                left += len(stale) - await retry_on_stale(partial(self._renew, table, stale, done))
            after, looked_at = page.end, looked_at + page.looked_at
            shown(table, looked_at, total)
        shown(table, total, total)
        return left

    async def _renew(self, table: str, ids: list[str], done: Rotated) -> int:
        """Gives how many of the rows wait no more: they are renewed, or never will be."""
        async with self._work() as work:
            renewed = await SealedRowQueries(work.session).renew(table, ids)
            await work.commit()
        done.rows += len(renewed.done)
        if renewed.failed:
            done.failed.setdefault(table, set()).update(renewed.failed)
        return len(renewed.done | renewed.failed)
