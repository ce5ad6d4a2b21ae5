from strawberry import Info

from domain.errors import Refusal
from domain.ids import SessionId
from resolvers.context import Context
from schema.types.errors import user_errors_of
from schema.types.user import EndAllSessionsPayload, EndSessionInput, EndSessionPayload, Session, User


async def viewer(info: Info[Context, None]) -> User | None:
    sign_in = info.context.sign_in
    user = await info.context.services.users.get(sign_in.user_id) if sign_in else None
    return User.of(user) if user else None


async def end_session(info: Info[Context, None], input: EndSessionInput) -> EndSessionPayload | None:
    viewer = info.context.viewer()
    try:
        ended = await info.context.services.sessions.end(viewer.user_id, SessionId(input.id))
    except Refusal as refusal:
        return EndSessionPayload(user_errors=user_errors_of(refusal))
    return EndSessionPayload(session=Session.of(ended, viewer.session_id))


async def end_all_sessions(info: Info[Context, None]) -> EndAllSessionsPayload | None:
    viewer = info.context.viewer()
    return EndAllSessionsPayload(count=await info.context.services.sessions.end_all(viewer.user_id))
