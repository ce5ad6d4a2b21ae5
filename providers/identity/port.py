"""Identity: login with an electronic identity (eID), which says who a person is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.errors import DropError


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A login that starts (OAuth 2.0, RFC 6749 4.1.1; PKCE, RFC 7636). `code_challenge` is S256.

    `login_hint` preselects a test person; real vendors ignore it. With `max_age_s` the user must sign in again at the
    highest level, unless the last time was fewer seconds ago (OpenID Connect Core 1.0, 3.1.2.1).
    """

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    login_hint: str | None = None
    max_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A person, as the eID confirms. (`issuer`, `subject`) identifies the person; `phone` is E.164.

    `national_identity_number` has eleven digits and must not be logged. `authenticated_at` is when the person signed in
    at the vendor, which may be before this login; None means at this login.
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
    """The vendor refused the login, or its answer cannot be trusted. The user can start the login again."""

    code = "LOGIN_FAILED"

    def __init__(self, message: str, *, text: str = "LOGIN_FAILED") -> None:
        super().__init__(message)
        self.text_key = text


class IdentityProvider(Protocol):
    """Logs users in with an eID, by the code flow with PKCE. Source: OpenID Connect Core 1.0, 3.1.

    URLs are for the user's browser: the gateway does not open them.
    """

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        """The URL where the browser signs in. Safe to repeat. Raises Unavailable."""

    async def exchange_code(
        self,
        *,
        code: str,
        code_verifier: str,
        redirect_uri: str,
        nonce: str,
        max_age_s: int | None = None,
        issuer: str | None = None,
    ) -> Identity:
        """The person behind the code that the browser brought back. Never repeated: a code works once.

        `nonce` and `max_age_s` are those of the request, `issuer` is `iss` of the callback (RFC 9207). Raises
        LoginFailed (the vendor refused, or the answer breaks a rule) and Unavailable.
        """

    async def end_session_url(self, *, id_token: str, return_to: str) -> str | None:
        """The URL where the browser ends the session at the vendor, None if the vendor has no such page.

        Safe to repeat. Raises Unavailable.
        """
