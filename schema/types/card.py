from datetime import datetime

import strawberry

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import card
from domain.card import CardStatus, CardType
from domain.text import Text
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.message import message
from schema.types.node import VERSION, Node
from schema.types.view import View, shown


@strawberry.type(description="Why the issuer issues no card.")
class CardFailure:
    code: card.CardFailure = strawberry.field(description="Stable: programs decide by it what to do.")
    message: str = strawberry.field(
        resolver=message, description="What to show to the person who asked for the card, in their language."
    )
    text: strawberry.Private[Text]


@strawberry.type(description="A card that Drop has issued to the user.")
class Card(View[card.Card], Node):
    type: CardType = shown("type", description="In the phone, or sent by post.")
    status: CardStatus = shown("status", description="Whether it can pay.")
    last4: str | None = shown("face.last4", description="The last four digits; the whole number stays with the issuer.")
    expiry_month: int | None = shown("face.expiry_month", description="The month of expiry, from 1 to 12.")
    expiry_year: int | None = shown("face.expiry_year", description="The year of expiry in four digits.")
    created_at: datetime = shown("created_at", description="When it was asked for.")
    version: int = shown("version", description=VERSION)

    @strawberry.field(description="Why it has failed; null unless it has.")
    def failure(self) -> CardFailure | None:
        failure = self.shows.failure
        return CardFailure(code=failure, text=failure.text) if failure else None


@strawberry.type(description="The user at the card issuer.")
class Cardholder:
    name: str = strawberry.field(description="As it stands on the cards.")
    address: str = strawberry.field(description="Where physical cards are sent.")
    created_at: datetime = strawberry.field(description="When it was made.")


@strawberry.type(description="What `createCardholder` gives back to the client.")
class CreateCardholderPayload:
    cardholder: Cardholder | None = strawberry.field(
        description="The user as the card issuer knows them now.", default=None
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.input(description="Which card to issue.")
class IssueCardInput:
    type: CardType = strawberry.field(description="In the phone, or sent by post.")
    idempotency_key: str = strawberry.field(
        description="Made by the client, anew for each card: the same key gives the same card, never a second."
    )


@strawberry.input(description="The card to change, among the viewer's.")
class CardInput:
    id: strawberry.ID = strawberry.field(description="The id of the card to change.")


@strawberry.type(description="What the card mutations give.")
class CardPayload:
    card: Card | None = strawberry.field(description="The card as it stands after the change.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
