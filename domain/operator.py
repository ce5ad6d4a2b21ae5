"""Who operates: a person or a machine with a name, a token of its own, and one of two roles."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput

# Who calls with OPERATOR_TOKEN, and who calls where no token is asked for.
BOOTSTRAP: Final = "bootstrap"
ANYONE: Final = "anyone"
_NAME: Final = re.compile("[a-z0-9][a-z0-9._-]{1,39}")


class OperatorRole(StrEnum):
    """What an operator may do. The values are stored."""

    READ = "read"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Operator:
    """Known in the audit trail by `name`, which is never given twice."""

    name: str
    role: OperatorRole
    created_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def may_act(self) -> bool:
        return self.role is OperatorRole.ACT


def require_name(name: str) -> str:
    """Raises InvalidInput for what is no name, or the name of who needs no token."""
    if _NAME.fullmatch(name) is None or name in (BOOTSTRAP, ANYONE):
        message = "Give a name of 2 to 40 of a-z, 0-9, '.', '_' and '-', other than bootstrap and anyone."
        raise InvalidInput("INVALID_NAME", message, field=("name",))
    return name
