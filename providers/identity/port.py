"""Who a person is: the electronic identity behind the login."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.errors import DropError


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One login under way (OAuth 2.0, RFC 6749 4.1.1; PKCE, RFC 7636). `code_challenge` is S256.

    `hint` preselects a test person and is ignored by real vendors. With `max_age_s` the person is asked again, at the
    highest level, unless they have just answered (OpenID Connect Core 1.0, 3.1.2.1).
    """

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    login_hint: str | None = None
    max_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """The person, as their eID vouches for them. (`issuer`, `subject`) is the key; `phone` is E.164.

    `authenticated_at` is when they answered themselves, which may be before this login; None says with it.
    """

    issuer: str
    subject: str
    name: str
    national_identity_number: str | None
    id_token: str
    email: str | None = None
    phone: str | None = None
    authenticated_at: datetime | None = None


class LoginFailed(DropError):
    """The vendor's no, or an answer that cannot be trusted. Start the login again."""

    code = "LOGIN_FAILED"


class IdentityProvider(Protocol):
    async def authorization_url(self, request: AuthorizationRequest) -> str:
        """Where the browser goes to sign in. Raises Unavailable."""

    async def exchange_code(
        self, *, code: str, code_verifier: str, redirect_uri: str, nonce: str, max_age_s: int | None = None
    ) -> Identity:
        """Turn the returned code into a person. Never repeated: a code works once.

        `nonce` and `max_age_s` are those of the request. Raises LoginFailed (refused, or what they say does not hold)
        and Unavailable.
        """

    async def end_session_url(self, *, id_token: str, return_to: str) -> str | None:
        """Where the browser ends the session at the vendor, None where there is no such page. Raises Unavailable."""
