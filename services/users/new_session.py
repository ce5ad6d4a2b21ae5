"""What every new sign-in has in common, of a browser and of an app."""

from datetime import datetime

from db.ids import new_id
from db.unit_of_work import UnitOfWork
from domain import ids
from domain.ids import SessionId, UserId
from domain.notification import Template
from domain.session import ACCESS_LIFETIME, Lifetimes, Session, SessionClient, device_of
from services.notifications.compose import NotificationComposer


def new_session(
    user_id: UserId,
    client: SessionClient,
    user_agent: str | None,
    now: datetime,
    lifetimes: Lifetimes,
    *,
    logged_in_at: datetime,
) -> Session:
    """A session that begins at `now`, by the machine's clock; the person logged in at `logged_in_at`."""
    longest = lifetimes.of(client).longest
    return Session(
        id=SessionId(new_id(ids.SESSION, now)),
        user_id=user_id,
        client=client,
        user_agent=user_agent,
        created_at=now,
        last_seen_at=now,
        expires_at=now + longest,
        authenticated_at=logged_in_at,
        token_expires_at=now + (longest if client is SessionClient.WEB else ACCESS_LIFETIME),
    )


async def tell_of_new_device(
    work: UnitOfWork, notifications: NotificationComposer, user_id: UserId, user_agent: str | None
) -> None:
    """Queue the message about a new device, except at the first sign-in of all and for a known device."""
    known = {device_of(agent) for agent in await work.sessions.user_agents(user_id)}
    if known and device_of(user_agent) not in known:
        await notifications.queue(work, user_id, Template.NEW_SIGN_IN)
