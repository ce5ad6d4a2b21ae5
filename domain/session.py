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
# Deleting the account and issuing a card ask for the person, not for a session that somebody left open.
STEP_UP_WITHIN: Final = timedelta(minutes=5)
# An app that lost the reply to its refresh sends the old token again at once.
RACE_FORGIVEN: Final = timedelta(seconds=10)


def require_recent(authenticated_at: datetime, now: datetime) -> None:
    """Raises StepUpRequired where the person has not answered BankID for a while."""
    if now - authenticated_at > STEP_UP_WITHIN:
        raise StepUpRequired


class SessionClient(StrEnum):
    WEB = "WEB"
    MOBILE = "MOBILE"


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in as its user sees it in the list of devices."""

    id: SessionId
    user_id: UserId
    client: SessionClient
    user_agent: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def is_alive(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.expires_at and now < self.last_seen_at + IDLE_LIFETIME
