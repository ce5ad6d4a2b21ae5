"""What a bank or card vendor awaits of the user: a visit to its page, or an approval in an app of its own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuthorisationKind(StrEnum):
    """How the user approves: on a page, or apart from this device's browser (NextGenPSD2, SCA Approaches)."""

    REDIRECT = "REDIRECT"
    DECOUPLED = "DECOUPLED"


@dataclass(frozen=True, slots=True)
class Authorisation:
    """An approval that is awaited, with what the user must see. It may hold secrets, so it must not be logged.

    `url` is the page of a redirect. Without one the approval is decoupled: `message` is the bank's own text, and
    `challenge` a code to compare or to show as a QR code, or a `data:` address of a picture. `expires_at` is None where
    the vendor does not say how long it waits.
    """

    url: str | None = None
    message: str | None = None
    challenge: str | None = None
    expires_at: datetime | None = None

    @property
    def kind(self) -> AuthorisationKind:
        """Where the user goes to approve."""
        return AuthorisationKind.REDIRECT if self.url is not None else AuthorisationKind.DECOUPLED


@dataclass(frozen=True, slots=True)
class SealedAuthorisation:
    """An approval that is awaited, as it is stored: message and challenge of a decoupled approval are encrypted."""

    url: str | None = None
    encrypted: bytes | None = None
    expires_at: datetime | None = None

    @property
    def is_decoupled(self) -> bool:
        """Whether the user approves without a page, so that no return tells when."""
        return self.encrypted is not None
