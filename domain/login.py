"""A login under way at the identity provider."""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import SessionId, UserId
from domain.session import SessionClient


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """What a login was begun with, and for an app what its one-time code gives until `code_expires_at`.

    `browser_hash` binds the attempt to a browser. `session_id` is the sign-in that is confirmed once more, or the one
    that an app's code has opened. `used_at` is when the identity provider first sent the browser back. `max_age_s` is
    how recent the person's own login must be. Secrets are hashed or encrypted.
    """

    id: str
    browser_hash: str
    nonce: str
    code_verifier: str
    redirect_uri: str
    return_to: str
    client: SessionClient
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    app_state: str | None = None
    app_code_challenge: str | None = None
    max_age_s: int | None = None
    session_id: SessionId | None = None
    user_id: UserId | None = None
    code_expires_at: datetime | None = None
    authenticated_at: datetime | None = None
    id_token_encrypted: bytes | None = None
