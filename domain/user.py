"""Users, and the sign-in that a request comes with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.contact_code import ContactKind, PendingContact
from domain.ids import SessionId, UserId
from domain.locale import DEFAULT
from domain.notification import NotificationPreferences
from domain.profile import Address


@dataclass(frozen=True, slots=True)
class User:
    """A user, as that user may see it: the national identity number is never shown and not part of it.

    `chosen_locale` is one of `LOCALES`, None where the user has not chosen. `pending` are the new e-mail and phone that
    wait for their codes.
    """

    id: UserId
    name: str
    created_at: datetime
    email: str | None = None
    phone: str | None = None
    chosen_locale: str | None = None
    address: Address | None = None
    preferences: NotificationPreferences = field(default_factory=NotificationPreferences)
    pending: Mapping[ContactKind, PendingContact] = field(default_factory=dict)

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
    """The user and session of a request. `authenticated_at` is the last BankID login, `last_seen_at` the last use;
    `is_cookie` tells a browser.

    `chosen_locale` is the language that the user has chosen, None where they have not. `user` is as they stood when the
    session was read: for one request, and never on a socket, which lives longer.
    """

    user_id: UserId
    session_id: SessionId
    authenticated_at: datetime
    last_seen_at: datetime
    is_cookie: bool = False
    chosen_locale: str | None = None
    user: User | None = field(default=None, repr=False, compare=False)
