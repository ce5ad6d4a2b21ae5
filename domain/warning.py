"""What a user may want to know although nothing was refused."""

from dataclasses import dataclass
from enum import StrEnum

from domain.money import Money


class WarningCode(StrEnum):
    """What the warning is about; programs branch on it."""

    BALANCE_TOO_LOW = "BALANCE_TOO_LOW"
    ADDRESS_NOT_CHECKED = "ADDRESS_NOT_CHECKED"


@dataclass(frozen=True, slots=True)
class MutationWarning:
    """A code and what its text names: `amount` is what the account has available, for BALANCE_TOO_LOW alone."""

    code: WarningCode
    amount: Money | None = None

    @property
    def message(self) -> str:
        """For people."""
        if self.amount is not None:
            return f"The account has {self.amount.formatted('en')} available, less than the payment."
        return "The address could not be checked just now and is saved as you typed it."
