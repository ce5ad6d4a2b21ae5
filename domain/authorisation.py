"""What a bank or card vendor awaits of the user: a visit to its page, an approval in an app of its own, or a choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# Longer than a bank is waited for.
ANSWERED_WITHIN: Final = timedelta(seconds=30)
# More are not offered to the user: a bank has two or three.
MAX_METHODS: Final = 20


class AuthorisationKind(StrEnum):
    """How the user approves: on a page, or apart from this device's browser (NextGenPSD2, SCA Approaches).

    CHOICE comes first where the bank offers several ways of which only the user knows theirs.
    """

    REDIRECT = "REDIRECT"
    DECOUPLED = "DECOUPLED"
    CHOICE = "CHOICE"


@dataclass(frozen=True, slots=True)
class AuthorisationMethod:
    """A way to approve that the bank offers: `id` is the bank's, `name` what it shows to its customers."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Methods that Drop can carry alike, of which the user chooses one.

    `redirect_uri` is where the bank's page sends the browser, if the chosen method has one. `sent_at` is when the bank
    was last told the user's choice; None before.
    """

    methods: Sequence[AuthorisationMethod]
    redirect_uri: str
    sent_at: datetime | None = None

    def is_on_its_way(self, now: datetime) -> bool:
        """Whether the bank was told just now, so that its answer may still come."""
        return self.sent_at is not None and now < self.sent_at + ANSWERED_WITHIN


@dataclass(frozen=True, slots=True)
class Authorisation:
    """An approval that is awaited, with what the user must see. It may hold secrets, so it must not be logged.

    `url` is the page of a redirect. Without one the approval is decoupled: `message` is the bank's own text, and
    `challenge` a code to compare or to show as a QR code, or a `data:` address of a picture. `expires_at` is None where
    the vendor does not say how long it waits. `choice` is what the user has to choose from first; `is_begun` says that
    the bank has begun the approval by one method, so that there is nothing to choose any more.
    """

    url: str | None = None
    message: str | None = None
    challenge: str | None = None
    expires_at: datetime | None = None
    choice: Choice | None = None
    is_begun: bool = False

    @property
    def kind(self) -> AuthorisationKind:
        """Where the user goes to approve, or that they choose first."""
        if self.url is not None:
            return AuthorisationKind.REDIRECT
        return AuthorisationKind.CHOICE if self.choice is not None else AuthorisationKind.DECOUPLED


@dataclass(frozen=True, slots=True)
class SealedAuthorisation:
    """An approval that is awaited, as it is stored: what a decoupled approval shows, or a choice, is encrypted."""

    url: str | None = None
    encrypted: bytes | None = None
    expires_at: datetime | None = None

    @property
    def is_decoupled(self) -> bool:
        """Whether the user approves without a page, so that no return tells when."""
        return self.encrypted is not None
