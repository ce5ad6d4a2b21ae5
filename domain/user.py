"""The person who is signed in."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.ids import SessionId, UserId
from domain.notification import NotificationPreferences
from domain.profile import Address


@dataclass(frozen=True, slots=True)
class User:
    """A user as shown to themself; the national identity number is shown to nobody."""

    id: UserId
    name: str
    created_at: datetime
    email: str | None = None
    phone: str | None = None
    locale: str = "nb-NO"
    address: Address | None = None
    preferences: NotificationPreferences = field(default_factory=NotificationPreferences)

    @property
    def first_name(self) -> str:
        return self.name.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who is asking, by which session, and when they last answered BankID themselves."""

    user_id: UserId
    session_id: SessionId
    authenticated_at: datetime
    is_cookie: bool = False
