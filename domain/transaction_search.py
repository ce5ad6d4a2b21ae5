"""Which lines of a user's statements are looked for, and the text by which they are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from domain.error_code import ErrorCode
from domain.errors import InvalidInput
from domain.ids import AccountId
from domain.input import clean_text
from domain.money import Money

MIN_TEXT: Final = 2
MAX_TEXT: Final = 100
MAX_ACCOUNTS: Final = 100


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


def folded(*texts: str | None) -> str:
    """The texts as they are compared: by Unicode's rules, since SQLite's LIKE knows no letter beyond ASCII.

    Each is a line of its own, so that nothing is found across two of them.
    """
    return "\n".join(clean_text(text).casefold() for text in texts if text)


def require_sound(search: TransactionSearch) -> TransactionSearch:
    """The search itself. Raises InvalidInput, which names the part of the filter that no line could fit."""
    if search.text is not None and not MIN_TEXT <= len(search.text) <= MAX_TEXT:
        raise _fault(f"text takes {MIN_TEXT} to {MAX_TEXT} characters.", "text")
    if search.accounts is not None and len(search.accounts) > MAX_ACCOUNTS:
        raise _fault(f"accounts takes {MAX_ACCOUNTS} at most.", "accounts")
    least, most = search.min_amount, search.max_amount
    for name, amount in (("minAmount", least), ("maxAmount", most)):
        if amount is not None and amount.amount_minor < 0:
            raise _fault(f"{name} counts without a sign: use direction.", name)
    if least is not None and most is not None:
        if least.currency != most.currency:
            raise _fault("minAmount and maxAmount have one currency.", "maxAmount")
        if least.amount_minor > most.amount_minor:
            raise _fault("maxAmount is less than minAmount.", "maxAmount")
    if search.booked_from is not None and search.booked_to is not None and search.booked_from > search.booked_to:
        raise _fault("bookedTo is before bookedFrom.", "bookedTo")
    return search


def _fault(message: str, name: str) -> InvalidInput:
    return InvalidInput(ErrorCode.BAD_USER_INPUT, message, field=("filter", name))
