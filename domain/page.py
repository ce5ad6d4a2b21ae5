"""Which part of a list is asked for: keysets, never offsets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.payment import Rail, Status


@dataclass(frozen=True, slots=True)
class Keyset:
    """Where a page begins and ends, in the direction of reading; `backwards` counts from the end."""

    after: str | None
    before: str | None
    limit: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class DatedKeyset:
    """As Keyset, over (booking date, id)."""

    after: tuple[date, str] | None
    before: tuple[date, str] | None
    limit: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """Which payments, in which order, and which part of them."""

    statuses: Sequence[Status]
    keyset: Keyset
    rails: Sequence[Rail] = ()
    oldest_first: bool = False
