"""How long a sign-in lasts."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.errors import StepUpRequired
from domain.ids import SessionId, UserId

ACCESS_LIFETIME: Final = timedelta(minutes=15)
# The use of a session is noted at most so often, since otherwise each read would write: a twentieth of what it may
# be idle, and five minutes at most.
_NOTED_PER_IDLE: Final = 20
_NOTED_AT_LEAST_EVERY: Final = timedelta(minutes=5)
LOGIN_ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
CODE_LIFETIME: Final = timedelta(seconds=60)
# Deleting the account and issuing a card need a recent BankID login: a session that was left open is not enough.
STEP_UP_WITHIN: Final = timedelta(minutes=5)
# An app that lost the reply to its refresh sends the old token again at once: within this time that is not a theft,
# while nobody has used what the reply held.
REFRESH_GRACE: Final = timedelta(seconds=10)
_VERSION: Final = re.compile(r"\d+([._]\d+)*")


def require_recent(authenticated_at: datetime, now: datetime) -> None:
    """Raises StepUpRequired where the last BankID login is older than `STEP_UP_WITHIN`.

    A login that lies as far ahead is old, too: the machine's clock has gone back since.
    """
    if abs(now - authenticated_at) > STEP_UP_WITHIN:
        raise StepUpRequired


def device_of(user_agent: str | None) -> str | None:
    """The browser and the system, without their versions: an update makes no new device."""
    return _VERSION.sub("", user_agent) if user_agent is not None else None


class SessionClient(StrEnum):
    """What holds the session: a browser by its cookie, or the app by its tokens."""

    WEB = "WEB"
    MOBILE = "MOBILE"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a sign-in lasts unused, and how long at most."""

    idle: timedelta
    longest: timedelta

    @property
    def noted_every(self) -> timedelta:
        """How often its use is noted at most."""
        return min(self.idle / _NOTED_PER_IDLE, _NOTED_AT_LEAST_EVERY)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """By what holds the session. A browser stands open on a desk; an app is behind the lock of its phone."""

    web: Lifetime
    app: Lifetime

    def of(self, client: SessionClient) -> Lifetime:
        """That of a browser's session, or of an app's."""
        return self.web if client is SessionClient.WEB else self.app


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. It ends by sign-out, by idleness, or at `expires_at`; its token is renewed after `token_expires_at`.

    `last_seen_at` is the last operation that a person caused, `authenticated_at` the person's last own login, and
    `token_used_at` when the present token was first used.
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
    token_used_at: datetime | None = None
    ended_at: datetime | None = None

    def is_alive(self, now: datetime, lifetimes: Lifetimes) -> bool:
        """Whether requests with this session are still signed in."""
        return self.ended_at is None and now < self.runs_out_at(lifetimes)

    def runs_out_at(self, lifetimes: Lifetimes) -> datetime:
        """When it ends by itself: at its longest, or unused for as long as a session may be.

        Lifetimes that were shortened since it began hold for it, too.
        """
        lifetime = lifetimes.of(self.client)
        return min(self.expires_at, self.created_at + lifetime.longest, self.last_seen_at + lifetime.idle)


@dataclass(frozen=True, slots=True)
class SpentRefresh:
    """A refresh token that was rotated away or replaced. `rotated_at` is None unless the current one was given for it.

    `successor` is the hash of the current one, and `is_successor_used` whether anybody has used it or its access token.
    """

    session_id: SessionId
    user_id: UserId
    rotated_at: datetime | None
    successor: str | None
    is_successor_used: bool
    is_over: bool

    def is_lost_answer(self, now: datetime) -> bool:
        """Whether it may be an app's own second try. A time that lies as far ahead counts: the clock has gone back."""
        is_in_time = self.rotated_at is not None and abs(now - self.rotated_at) < REFRESH_GRACE
        return is_in_time and not self.is_successor_used and not self.is_over
