"""Which part of a list is asked for: by keys, never by offsets, which skip rows where a list grows meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.payment import Rail, Status
from domain.payment_search import ANY_PAYMENT, PaymentSearch

# What a list is ordered by, the last part of it unique in the list: an id, a version, a booking date and an id.
Key = tuple[str | int | date, ...]
# Whether a page has a bound after it begins, one before it ends, and whether it is read from its end.
Form = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True)
class Keyset:
    """A page of `limit` rows: those after the key `after` and before the key `before`, in the order of reading.

    `backwards` takes the last rows of that range instead of the first.
    """

    after: Key | None
    before: Key | None
    limit: int
    backwards: bool = False

    @property
    def form(self) -> Form:
        """What its statement depends on; all else of a page is values."""
        return self.after is not None, self.before is not None, self.backwards


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """Which of a user's payments, in which order, and which part. An empty sequence of `rails` means every rail.

    `by_execution` is the order of execution dates, in which those that have one stand; else it is that of creation.
    """

    statuses: Sequence[Status]
    keyset: Keyset
    rails: Sequence[Rail] = ()
    oldest_first: bool = False
    search: PaymentSearch = ANY_PAYMENT
    by_execution: bool = False
