from datetime import datetime
from typing import Self

import strawberry
from strawberry import Info

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import authorisation
from domain.authorisation import MAX_METHODS, AuthorisationKind, SealedAuthorisation
from schema.types.context import HasLoaders
from schema.types.cost import at_most


@strawberry.type(description="A way to approve that the bank offers.")
class AuthorisationMethod:
    id: strawberry.ID = strawberry.field(description="The bank's own; it names a method of this approval alone.")
    name: str = strawberry.field(description="What the bank calls it to its customers.")


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
    methods: list[AuthorisationMethod] = strawberry.field(
        directives=[at_most(MAX_METHODS)],
        description="CHOICE: what the bank offers, in its order; empty for the other kinds.",
    )
    expires_at: datetime | None = strawberry.field(description="Until when it is awaited; null where that is unknown.")

    @classmethod
    def of(cls, awaited: authorisation.Authorisation) -> Self:
        methods = awaited.choice.methods if awaited.choice is not None else ()
        return cls(
            kind=awaited.kind,
            url=awaited.url,
            message=awaited.message,
            challenge=awaited.challenge,
            methods=[AuthorisationMethod(id=strawberry.ID(method.id), name=method.name) for method in methods],
            expires_at=awaited.expires_at,
        )


def opened(info: Info[HasLoaders, None], awaited: SealedAuthorisation | None) -> Authorisation | None:
    """What is stored of an approval, as its user may see it; None where nothing is awaited."""
    return Authorisation.of(info.context.opened(awaited)) if awaited else None
