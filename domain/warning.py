"""What a user may want to know although nothing was refused."""

from dataclasses import dataclass
from enum import StrEnum

from domain.money import Money
from domain.text import Text


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
    def text(self) -> Text:
        return Text("warning", self.code, {"available": self.amount} if self.amount is not None else {})
