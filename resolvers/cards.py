from typing import Annotated

from strawberry import Info

from domain.card import CardStatus
from domain.errors import Refusal
from domain.ids import CardId
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.arguments import INPUT
from schema.types.card import (
    Card,
    Cardholder,
    CardInput,
    CardPayload,
    CreateCardholderPayload,
    IssueCardInput,
)
from schema.types.errors import user_errors_of


async def create_cardholder(info: Info[Context, None]) -> CreateCardholderPayload | None:
    viewer = info.context.viewer()
    try:
        issued = await info.context.services.cards.create_cardholder(viewer.user_id)
    except Refusal as refusal:
        return CreateCardholderPayload(user_errors=user_errors_of(refusal))
    cardholder = Cardholder(name=issued.name, address=issued.address.formatted, created_at=issued.created_at)
    return CreateCardholderPayload(cardholder=cardholder)


async def issue_card(info: Info[Context, None], input: Annotated[IssueCardInput, INPUT]) -> CardPayload | None:
    viewer = info.context.viewer()
    info.context.services.sessions.require_recent(viewer)
    try:
        card = await info.context.services.cards.issue(viewer.user_id, input.type, input.idempotency_key)
    except Refusal as refusal:
        return CardPayload(user_errors=user_errors_of(refusal))
    return CardPayload(card=Card.of(card))


async def freeze_card(info: Info[Context, None], input: Annotated[CardInput, INPUT]) -> CardPayload | None:
    return await _set_status(info.context, input, CardStatus.FROZEN)


async def unfreeze_card(info: Info[Context, None], input: Annotated[CardInput, INPUT]) -> CardPayload | None:
    return await _set_status(info.context, input, CardStatus.ACTIVE)


async def cancel_card(info: Info[Context, None], input: Annotated[CardInput, INPUT]) -> CardPayload | None:
    return await _set_status(info.context, input, CardStatus.CANCELLED)


async def _set_status(context: Context, input: CardInput, wanted: CardStatus) -> CardPayload:
    viewer = context.viewer()
    try:
        card = await context.services.cards.set_status(
            viewer.user_id, known_form(CardId, input.id, "input", "id"), wanted
        )
    except Refusal as refusal:
        return CardPayload(user_errors=user_errors_of(refusal))
    return CardPayload(card=Card.of(card))
