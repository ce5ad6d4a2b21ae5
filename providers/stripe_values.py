"""The values of Stripe's objects without which these cannot be stored: what is not of their kind raises ValueError."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeGuard

from domain.money import Money

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_LARGEST: Final = 2**63 - 1  # what a column of the database holds
_CURRENCY_LENGTH: Final = 3


def id_of(holder: Mapping[str, Any], name: str = "id") -> str:
    """An id of Stripe's."""
    found = holder[name]
    if not (isinstance(found, str) and found.isascii() and found.isprintable() and found):
        raise ValueError(name)
    return found


def money_of(holder: Mapping[str, Any], name: str = "amount") -> Money:
    """An amount in the minor units of the object's currency."""
    amount, currency = holder[name], holder["currency"]
    if not _is_integer(amount) or abs(amount) > _LARGEST:
        raise ValueError(name)
    if not (currency.isascii() and currency.isalpha() and len(currency) == _CURRENCY_LENGTH):
        raise ValueError("currency")
    return Money(amount, currency.upper())


def time_of(epoch_s: object) -> datetime:
    """A moment, from whole seconds since 1970. Raises OverflowError for what no date has."""
    if not _is_integer(epoch_s) or epoch_s < 0:
        raise ValueError("time")
    # Unlike `fromtimestamp`, this raises OverflowError alone.
    return _EPOCH + timedelta(seconds=epoch_s)


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
