from typing import Annotated, Final

from strawberry import UNSET, Info
from strawberry.utils.str_converters import to_camel_case

from domain.errors import Refusal, Refusals
from domain.ids import SessionId
from domain.input import fault
from domain.profile import profile_change
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.absent import given
from schema.types.arguments import INPUT
from schema.types.errors import user_errors_of
from schema.types.profile import Address, ConfirmContactInput, SetNotificationPreferencesInput, UpdateProfileInput
from schema.types.user import (
    ConfirmContactPayload,
    DeleteAccountInput,
    DeleteAccountPayload,
    EndAllSessionsPayload,
    EndSessionInput,
    EndSessionPayload,
    KeptRecord,
    Session,
    SetNotificationPreferencesPayload,
    UpdateProfilePayload,
    User,
)
from schema.types.warning import MutationWarning

_PROFILE: Final = ("email", "phone", "locale", "address")


async def viewer(info: Info[Context, None]) -> User | None:
    sign_in = info.context.sign_in
    if sign_in is None:
        return None
    user = sign_in.user or await info.context.services.profiles.get(sign_in.user_id)
    return User.of(user) if user else None


async def end_session(info: Info[Context, None], input: Annotated[EndSessionInput, INPUT]) -> EndSessionPayload | None:
    viewer = info.context.viewer()
    if str(input.id) != viewer.session_id:
        info.context.services.sessions.require_recent(viewer)
    try:
        ended = await info.context.services.sessions.end(viewer.user_id, known_form(SessionId, input.id, "input", "id"))
    except Refusal as refusal:
        return EndSessionPayload(user_errors=user_errors_of(refusal))
    return EndSessionPayload(session=Session.of(ended))


async def end_all_sessions(info: Info[Context, None]) -> EndAllSessionsPayload | None:
    viewer = info.context.viewer()
    info.context.services.sessions.require_recent(viewer)
    return EndAllSessionsPayload(count=await info.context.services.sessions.end_all(viewer.user_id))


async def update_profile(
    info: Info[Context, None], input: Annotated[UpdateProfileInput, INPUT]
) -> UpdateProfilePayload | None:
    viewer = info.context.viewer()
    try:
        change = profile_change(
            email=given(input.email),
            phone=given(input.phone),
            locale=given(input.locale),
            address=given(input.address),
            cleared=frozenset(name for name in _PROFILE if getattr(input, name) is None),
        )
        changed = await info.context.services.profiles.change(viewer, change)
    except Refusal as refusal:
        return UpdateProfilePayload(user_errors=user_errors_of(refusal))
    return UpdateProfilePayload(
        user=User.of(changed.user),
        address_candidates=[Address.of(candidate) for candidate in changed.candidates],
        warnings=[MutationWarning.of(warning) for warning in changed.warnings],
    )


async def confirm_contact(
    info: Info[Context, None], input: Annotated[ConfirmContactInput, INPUT]
) -> ConfirmContactPayload | None:
    viewer = info.context.viewer()
    try:
        user = await info.context.services.contact_codes.confirm(viewer.user_id, input.kind, input.code)
    except Refusal as refusal:
        return ConfirmContactPayload(user_errors=user_errors_of(refusal))
    return ConfirmContactPayload(user=User.of(user))


async def set_notification_preferences(
    info: Info[Context, None], input: Annotated[SetNotificationPreferencesInput, INPUT]
) -> SetNotificationPreferencesPayload | None:
    viewer = info.context.viewer()
    sent = {
        "payments": input.payments,
        "verification": input.verification,
        "bank_links": input.bank_links,
        "security": input.security,
    }
    wanted = {name: value for name, value in sent.items() if value is not UNSET}
    empty = [name for name, value in wanted.items() if value is None]
    if empty:
        message = "Send true or false, or leave it out."
        refusals = Refusals([fault("BAD_USER_INPUT", message, to_camel_case(name)) for name in empty])
        return SetNotificationPreferencesPayload(user_errors=user_errors_of(refusals))
    chosen = {name: value for name, value in wanted.items() if value is not None}
    user = await info.context.services.profiles.set_preferences(viewer, chosen)
    return SetNotificationPreferencesPayload(user=User.of(user))


async def delete_account(
    info: Info[Context, None], input: Annotated[DeleteAccountInput, INPUT]
) -> DeleteAccountPayload | None:
    viewer = info.context.viewer()
    info.context.services.sessions.require_recent(viewer)
    try:
        deleted = await info.context.services.account_deletion.delete(viewer.user_id, is_confirmed=input.confirm)
    except Refusal as refusal:
        return DeleteAccountPayload(deleted_at=None, user_errors=user_errors_of(refusal))
    return DeleteAccountPayload(deleted_at=deleted.at, kept=[KeptRecord.of(kept) for kept in deleted.kept])
