"""What the filters of lists have in common: the text that things are found by, and bounds that leave room."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from domain.error_code import ErrorCode
from domain.errors import InvalidInput
from domain.ids import AccountId
from domain.input import clean_text
from domain.money import Money

MIN_TEXT: Final = 2
MAX_TEXT: Final = 100
MAX_ACCOUNTS: Final = 100


def folded(*texts: str | None) -> str:
    """The texts as they are compared: by Unicode's rules, since SQLite's LIKE knows no letter beyond ASCII.

    Each is a line of its own, so that nothing is found across two of them.
    """
    return "\n".join(clean_text(text).casefold() for text in texts if text)


def require_text(text: str | None) -> None:
    """Raises InvalidInput where a folded text is too short or too long to be looked for."""
    if text is not None and not MIN_TEXT <= len(text) <= MAX_TEXT:
        raise unfit(f"text takes {MIN_TEXT} to {MAX_TEXT} characters.", "text")


def require_accounts(accounts: Sequence[AccountId] | None) -> None:
    """Raises InvalidInput where more accounts are named than one statement takes."""
    if accounts is not None and len(accounts) > MAX_ACCOUNTS:
        raise unfit(f"accounts takes {MAX_ACCOUNTS} at most.", "accounts")


def require_amounts(least: Money | None, most: Money | None, no_sign: str) -> None:
    """Raises InvalidInput where nothing lies between two amounts; `no_sign` tells why there is no negative one."""
    for name, amount in (("minAmount", least), ("maxAmount", most)):
        if amount is not None and amount.amount_minor < 0:
            raise unfit(f"{name} {no_sign}", name)
    if least is not None and most is not None:
        if least.currency != most.currency:
            raise unfit("minAmount and maxAmount have one currency.", "maxAmount")
        if least.amount_minor > most.amount_minor:
            raise unfit("maxAmount is less than minAmount.", "maxAmount")


def require_days(earliest: date | None, latest: date | None, name: str) -> None:
    """Raises InvalidInput where nothing lies between the days `<name>From` and `<name>To`."""
    if earliest is not None and latest is not None and earliest > latest:
        raise unfit(f"{name}To is before {name}From.", f"{name}To")


def unfit(message: str, name: str) -> InvalidInput:
    """The fault of a part of a filter that nothing could fit."""
    return InvalidInput(ErrorCode.BAD_USER_INPUT, message, field=("filter", name))
