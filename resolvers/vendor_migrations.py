from typing import Annotated

from strawberry import Info

from domain.errors import Refusal
from domain.ids import VendorMigrationId
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.arguments import INPUT
from schema.types.errors import user_errors_of
from schema.types.vendor_migration import VendorMove, VendorMoveInput, VendorMovePayload


async def consent_to_vendor_move(
    info: Info[Context, None], input: Annotated[VendorMoveInput, INPUT]
) -> VendorMovePayload | None:
    viewer = info.context.viewer()
    try:
        move = await info.context.services.vendor_migrations.consent(
            viewer.user_id, known_form(VendorMigrationId, input.id, "input", "id")
        )
    except Refusal as refusal:
        return VendorMovePayload(user_errors=user_errors_of(refusal))
    return VendorMovePayload(vendor_move=VendorMove.of(move))


async def withdraw_vendor_move_consent(
    info: Info[Context, None], input: Annotated[VendorMoveInput, INPUT]
) -> VendorMovePayload | None:
    viewer = info.context.viewer()
    try:
        move = await info.context.services.vendor_migrations.withdraw_consent(
            viewer.user_id, known_form(VendorMigrationId, input.id, "input", "id")
        )
    except Refusal as refusal:
        return VendorMovePayload(user_errors=user_errors_of(refusal))
    return VendorMovePayload(vendor_move=VendorMove.of(move))
