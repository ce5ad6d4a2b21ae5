"""Users, their sign-ins and the logins under way."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from db.columns import UtcDateTime


class UserRow(SQLModel, table=True):
    """A user, unique by issuer and subject (OpenID Connect Core, 5.7).

    A deleted user keeps a row without personal data.

    `pending_contacts` are a new e-mail and phone by their kind, each with the keyed hash of the code that was sent;
    they go a day after `pending_until`, when the last of their codes has run out.

    The national identity number is stored encrypted; its keyed hash is unique, so that a person has one user.
    """

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: str = Field(primary_key=True)
    issuer: str
    subject: str
    name: str
    email: str | None = None
    phone: str | None = None
    chosen_locale: str | None = None
    address: Any = Field(default=None, sa_column=Column(JSON, nullable=True))
    notification_preferences: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    pending_contacts: Any = Field(default=None, sa_column=Column(JSON, nullable=True))
    pending_until: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    national_identity_number_encrypted: bytes | None = None
    national_identity_number_hash: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


_OPEN: Final = text("ended_at IS NULL")


class SessionRow(SQLModel, table=True):
    """A sign-in of a user. Tokens are stored as SHA-256 hashes alone. Its times are by the machine's clock."""

    __tablename__ = "session"
    # Those that have run out and nobody has ended.
    __table_args__ = (
        Index("ix_session_unused", "client", "last_seen_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_session_open", "expires_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    client: str
    token_hash: str = Field(unique=True)
    token_expires_at: datetime = Field(sa_type=UtcDateTime)
    token_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refresh_hash: str | None = Field(default=None, unique=True)
    previous_refresh_hash: str | None = Field(default=None, index=True)
    refreshed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    user_agent: str | None = None
    id_token_encrypted: bytes | None = None
    authenticated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_because: str | None = None


class SpentRefreshRow(SQLModel, table=True):
    """A refresh token that was rotated. A token that is sent again later was stolen: its session is ended.

    `spent_at` is by the machine's clock.
    """

    __tablename__ = "spent_refresh"

    refresh_hash: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="session.id", index=True)
    spent_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


class LoginAttemptRow(SQLModel, table=True):
    """A login under way, from the redirect to BankID until the app has its tokens.

    `browser_hash` ties it to the browser that began it; `code_*` is the one-time code of an app. Hashes are SHA-256.
    """

    __tablename__ = "login_attempt"

    id: str = Field(primary_key=True)
    state_hash: str = Field(unique=True)
    browser_hash: str
    nonce: str
    code_verifier: str
    redirect_uri: str
    return_to: str
    client: str
    app_state: str | None = None
    app_code_challenge: str | None = None
    max_age_s: int | None = None
    session_id: str | None = None
    authenticated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    code_hash: str | None = Field(default=None, unique=True)
    code_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    code_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    user_id: str | None = Field(default=None, foreign_key="user.id", index=True)
    id_token_encrypted: bytes | None = None
