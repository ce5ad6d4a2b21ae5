"""The chain of hashes over the audit trail, read from end to end: for its export, and to verify it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from db.unit_of_work import Queries, Read
from domain.audit import Place, Sealed, misfit

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the whole chain has found. `problem` names the first entry that does not fit."""

    base: Place
    end: Place
    awaiting: int
    problem: str | None = None


class AuditChain:
    """Reads the whole chain, page by page, and changes nothing."""

    def __init__(self, read: Read) -> None:
        self._read = read

    async def sealed(self, after: int) -> AsyncGenerator[Sealed]:
        """Every sealed entry after a number, in order, page by page, of one moment. Close it: it goes on reading."""
        async with self._read() as read:
            while found := await read.audit_seals.page(after, _AT_ONCE):
                for one in found:
                    yield one
                after = found[-1].place.number

    async def verify(self, anchor: Place | None = None) -> Verdict:
        """Compute the chain anew, and look for entries that stand outside it.

        `anchor` is a place that was noted elsewhere, such as one that a log has told. All is read in one transaction:
        what is sealed or dropped meanwhile must not look like a gap.
        """
        async with self._read() as read:
            return await _verdict(read, anchor)


async def _verdict(read: Queries, anchor: Place | None) -> Verdict:
    base = place = await read.audit_seals.base()
    if anchor is not None and anchor.number < base.number:
        return Verdict(base, base, 0, f"entry {anchor.number} was dropped with its month: it cannot be compared")
    while found := await read.audit_seals.page(place.number, _AT_ONCE):
        for sealed in found:
            if (problem := misfit(place, sealed)) is not None:
                return Verdict(base, place, 0, f"entry {sealed.place.number} ({sealed.entry_id}): {problem}")
            place = sealed.place
            if anchor is not None and anchor.number == place.number and anchor.hash != place.hash:
                return Verdict(
                    base, place, 0, f"entry {anchor.number} ({sealed.entry_id}): the hash is not {anchor.hash}"
                )
    if anchor is not None and anchor.number > place.number:
        return Verdict(base, place, 0, f"entry {place.number + 1}: the chain ends before {anchor.number}")
    return await _outside(read, base, place)


async def _outside(read: Queries, base: Place, end: Place) -> Verdict:
    after, awaiting = "", len(await read.audit_seals.awaiting(_AT_ONCE))
    while found := await read.audit_seals.seen(after, _AT_ONCE):
        for entry_id, is_known in found:
            if not is_known:
                return Verdict(base, end, awaiting, f"entry {entry_id} is not in the chain and not waiting for it")
        after = found[-1][0]
    return Verdict(base, end, awaiting)
