from typing import Self

import strawberry

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import warning
from domain.warning import WarningCode


@strawberry.type(description="What the user may want to know although nothing was refused.")
class MutationWarning:
    code: WarningCode = strawberry.field(description="Stable, for programs to branch on.")
    message: str = strawberry.field(description="The text for people to read.")

    @classmethod
    def of(cls, warning: warning.MutationWarning) -> Self:
        return cls(code=warning.code, message=warning.message)
