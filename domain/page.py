"""Which part of a list is asked for: by keys, never by offsets, which skip rows where a list grows meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.payment import Rail, Status


@dataclass(frozen=True, slots=True)
class Keyset:
    """A page of `limit` rows: those after the id `after` and before the id `before`, in the order of reading.

    `backwards` takes the last rows of that range instead of the first.
    """

    after: str | None
    before: str | None
    limit: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class DatedKeyset:
    """A Keyset over pairs of booking date and id, the order of a statement."""

    after: tuple[date, str] | None
    before: tuple[date, str] | None
    limit: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """Which of a user's payments, in which order, and which part. An empty sequence of `rails` means every rail."""

    statuses: Sequence[Status]
    keyset: Keyset
    rails: Sequence[Rail] = ()
    oldest_first: bool = False
