"""Users, and the sign-in that a request comes with."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.ids import SessionId, UserId
from domain.locale import DEFAULT
from domain.notification import NotificationPreferences
from domain.profile import Address


@dataclass(frozen=True, slots=True)
class User:
    """A user, as that user may see it: the national identity number is never shown and not part of it.

    `chosen_locale` is one of `LOCALES`, None where the user has not chosen.
    """

    id: UserId
    name: str
    created_at: datetime
    email: str | None = None
    phone: str | None = None
    chosen_locale: str | None = None
    address: Address | None = None
    preferences: NotificationPreferences = field(default_factory=NotificationPreferences)

    @property
    def message_locale(self) -> str:
        """What mail and SMS are written in: no request tells a language there."""
        return self.chosen_locale or DEFAULT

    @property
    def first_name(self) -> str:
        """The first word of the name, for salutations."""
        return self.name.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class SignIn:
    """The user and session of a request. `authenticated_at` is the last BankID login; `is_cookie` tells a browser.

    `chosen_locale` is the language that the user has chosen, None where they have not.
    """

    user_id: UserId
    session_id: SessionId
    authenticated_at: datetime
    is_cookie: bool = False
    chosen_locale: str | None = None
