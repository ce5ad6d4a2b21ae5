"""New identifiers."""

from datetime import datetime
from typing import Final

from ulid import ULID

_TIME_DIGITS: Final = 10
_RANDOM_BITS: Final = 80
_MOMENTS: Final = 16


class _Ulids:
    """ULIDs that rise within a millisecond, too: what a process makes at one moment sorts as it was made.

    Source: https://github.com/ulid/spec, Monotonicity. Some moments are kept: rows are made by several clocks.
    """

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def next(self, at: datetime) -> ULID:
        made = int(ULID.from_datetime(at))
        moment = made >> _RANDOM_BITS
        last = self._last.pop(moment, None)
        if last is not None and (last + 1) >> _RANDOM_BITS == moment:
            made = last + 1
        elif len(self._last) >= _MOMENTS:
            self._last.pop(next(iter(self._last)))
        self._last[moment] = made
        return ULID.from_int(made)


_ulids: Final = _Ulids()


def new_id(prefix: str, at: datetime) -> str:
    """`pay_01J...`: a ULID of the product's time, so ids of one process sort as their rows were made."""
    return f"{prefix}_{_ulids.next(at)}"


def since_id(prefix: str, at: datetime) -> str:
    """What sorts before each identifier of the kind that was made from a time on."""
    return f"{prefix}_{str(ULID.from_datetime(at))[:_TIME_DIGITS]}"
