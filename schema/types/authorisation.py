from datetime import datetime
from typing import Self

import strawberry

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import authorisation
from domain.authorisation import AuthorisationKind


@strawberry.type(description="An approval that the bank or the card's bank awaits of the user.")
class Authorisation:
    kind: AuthorisationKind = strawberry.field(description="How the user approves; decides which fields are set.")
    url: str | None = strawberry.field(description="REDIRECT: the page to send the user to.")
    message: str | None = strawberry.field(
        description="DECOUPLED: the bank's own words, such as which app to open; null where it sent none."
    )
    challenge: str | None = strawberry.field(
        description="DECOUPLED: a code to show as it is or as a QR code, or a `data:` address of a picture."
    )
    expires_at: datetime | None = strawberry.field(description="Until when it is awaited; null where that is unknown.")

    @classmethod
    def of(cls, awaited: authorisation.Authorisation) -> Self:
        return cls(
            kind=awaited.kind,
            url=awaited.url,
            message=awaited.message,
            challenge=awaited.challenge,
            expires_at=awaited.expires_at,
        )
