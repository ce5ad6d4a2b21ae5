"""Which of a user's payments are looked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from domain.account_number import AccountNumber, InvalidAccountNumber, parse_account_number
from domain.clock import OSLO
from domain.ids import AccountId
from domain.money import Money
from domain.search import require_accounts, require_amounts, require_days, require_text, unfit

# No payment is from before or after these, and every moment between them can be told in UTC.
_FIRST_DAY: Final = date(1970, 1, 1)
_LAST_DAY: Final = date(9999, 1, 1)


@dataclass(frozen=True, slots=True)
class PaymentSearch:
    """What a payment must be, every part of it; None means any. Days of creation are Oslo's, both inclusive.

    `text` is as `folded` gives it.
    """

    text: str | None = None
    min_amount: Money | None = None
    max_amount: Money | None = None
    created_from: date | None = None
    created_to: date | None = None
    execution_from: date | None = None
    execution_to: date | None = None
    accounts: Sequence[AccountId] | None = None
    creditor_iban: str | None = None

    @property
    def since(self) -> datetime | None:
        """The first moment at which a payment may have been created."""
        return _start_of(self.created_from) if self.created_from is not None else None

    @property
    def before(self) -> datetime | None:
        """The first moment after the last day on which a payment may have been created."""
        return _start_of(min(self.created_to, _LAST_DAY) + timedelta(days=1)) if self.created_to is not None else None


ANY_PAYMENT: Final = PaymentSearch()


def require_sound(search: PaymentSearch) -> PaymentSearch:
    """The search itself. Raises InvalidInput, which names the part of the filter that no payment could fit."""
    require_text(search.text)
    require_accounts(search.accounts)
    require_amounts(search.min_amount, search.max_amount, "is negative, and no payment's amount is.")
    require_days(search.created_from, search.created_to, "created")
    require_days(search.execution_from, search.execution_to, "execution")
    return search


def creditor_of(text: str) -> AccountNumber:
    """The account number that a filter names. Raises InvalidInput."""
    try:
        return parse_account_number(text)
    except InvalidAccountNumber as error:
        raise unfit(str(error), "creditorAccount") from error


def _start_of(day: date) -> datetime:
    day = min(max(day, _FIRST_DAY), _LAST_DAY)
    return datetime.combine(day, time.min, OSLO).astimezone(UTC)
