from typing import Self

import strawberry

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import warning
from domain.text import Text
from domain.warning import WarningCode
from schema.types.message import message


@strawberry.type(description="What the user may want to know although nothing was refused.")
class MutationWarning:
    code: WarningCode = strawberry.field(description="Stable, for programs to branch on.")
    field: list[str] = strawberry.field(description="The path of the input that it is about; empty for none.")
    text: strawberry.Private[Text]
    message: str = strawberry.field(
        resolver=message, description="What to show to the person who asked, in their language."
    )

    @classmethod
    def of(cls, warning: warning.MutationWarning) -> Self:
        return cls(code=warning.code, field=list(warning.field), text=warning.text)
