"""Which lines of a user's statements are looked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.ids import AccountId
from domain.money import Money
from domain.search import require_accounts, require_amounts, require_days, require_text


class Direction(StrEnum):
    """Which way the money went."""

    IN = "IN"
    OUT = "OUT"


@dataclass(frozen=True, slots=True)
class TransactionSearch:
    """What a line must be, every part of it; None means any. Amounts count without their sign.

    `text` is as `folded` gives it.
    """

    text: str | None = None
    min_amount: Money | None = None
    max_amount: Money | None = None
    direction: Direction | None = None
    booked_from: date | None = None
    booked_to: date | None = None
    accounts: Sequence[AccountId] | None = None


def require_sound(search: TransactionSearch) -> TransactionSearch:
    """The search itself. Raises InvalidInput, which names the part of the filter that no line could fit."""
    require_text(search.text)
    require_accounts(search.accounts)
    require_amounts(search.min_amount, search.max_amount, "counts without a sign: use direction.")
    require_days(search.booked_from, search.booked_to, "booked")
    return search
