"""Users, and the sign-in that a request comes with."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.ids import SessionId, UserId
from domain.notification import NotificationPreferences
from domain.profile import Address


@dataclass(frozen=True, slots=True)
class User:
    """A user, as that user may see it: the national identity number is never shown and not part of it."""

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
        """The first word of the name, for salutations."""
        return self.name.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class SignIn:
    """The user and session of a request. `authenticated_at` is the last BankID login; `is_cookie` tells a browser."""

    user_id: UserId
    session_id: SessionId
    authenticated_at: datetime
    is_cookie: bool = False
