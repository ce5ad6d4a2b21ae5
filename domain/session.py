"""How long a sign-in lasts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.errors import StepUpRequired
from domain.ids import SessionId, UserId

ACCESS_LIFETIME: Final = timedelta(minutes=15)
IDLE_LIFETIME: Final = timedelta(days=14)
ABSOLUTE_LIFETIME: Final = timedelta(days=90)
LOGIN_ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
CODE_LIFETIME: Final = timedelta(seconds=60)
# Deleting the account and issuing a card need a recent BankID login: a session that was left open is not enough.
STEP_UP_WITHIN: Final = timedelta(minutes=5)
# An app that lost the reply to its refresh sends the old token again at once: within this time that is not a theft.
RACE_FORGIVEN: Final = timedelta(seconds=10)


def require_recent(authenticated_at: datetime, now: datetime) -> None:
    """Raises StepUpRequired where the last BankID login is older than `STEP_UP_WITHIN`."""
    if now - authenticated_at > STEP_UP_WITHIN:
        raise StepUpRequired


class SessionClient(StrEnum):
    """What holds the session: a browser by its cookie, or the app by its tokens."""

    WEB = "WEB"
    MOBILE = "MOBILE"


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. It ends by sign-out, by idleness, or at `expires_at`; its token is renewed after `token_expires_at`.

    `authenticated_at` is the person's last own login.
    """

    id: SessionId
    user_id: UserId
    client: SessionClient
    user_agent: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    token_expires_at: datetime
    ended_at: datetime | None = None

    def is_alive(self, now: datetime) -> bool:
        """Whether requests with this session are still signed in."""
        return self.ended_at is None and now < self.expires_at and now < self.last_seen_at + IDLE_LIFETIME


@dataclass(frozen=True, slots=True)
class SpentRefresh:
    """A refresh token that was rotated away. `rotated_at` is None unless it was the last one before the current."""

    session_id: SessionId
    rotated_at: datetime | None
