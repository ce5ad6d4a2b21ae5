"""What a user may want to know although nothing was refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum

from domain.text import Text, Value


class WarningCode(StrEnum):
    """What the warning is about; programs branch on it."""

    BALANCE_TOO_LOW = "BALANCE_TOO_LOW"
    NOT_A_BANKING_DAY = "NOT_A_BANKING_DAY"
    ADDRESS_NOT_CHECKED = "ADDRESS_NOT_CHECKED"
    TEXT_REPLACED = "TEXT_REPLACED"
    CREDITOR_ACCOUNT_FLAGGED = "CREDITOR_ACCOUNT_FLAGGED"
    CREDITOR_TO_BE_TRUSTED = "CREDITOR_TO_BE_TRUSTED"
    ANOTHER_APPROVES = "ANOTHER_APPROVES"
    BANKID_NOT_ACTIVATED = "BANKID_NOT_ACTIVATED"
    BANK_SAYS = "BANK_SAYS"


@dataclass(frozen=True, slots=True)
class MutationWarning:
    """A code and the values that its text names (schema/texts.toml). `field` is the path of the input, if of one."""

    code: WarningCode
    values: Mapping[str, Value] = dataclass_field(default_factory=dict)
    field: tuple[str, ...] = ()

    @property
    def text(self) -> Text:
        return Text("warning", self.code, self.values)
