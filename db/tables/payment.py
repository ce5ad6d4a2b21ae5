from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import BigInteger, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from db.columns import UtcDateTime

_OPEN = "status IN ('CREATED', 'AUTHORISATION_REQUIRED', 'SCHEDULED', 'PROCESSING')"
_OVERDUE = "overdue_since IS NOT NULL"
_WITHDRAWN = "withdrawn_since IS NOT NULL"
_WATCHED = "watched_until IS NOT NULL"
_SCHEDULED = "scheduled_for IS NOT NULL"
_UNFOLDED = "search_text IS NULL"
_PENDING = "status IN ('PENDING')"


class PaymentRow(SQLModel, table=True):
    """A payment of a user, on either rail. `end_to_end_id` is unique, and so is `state_hash` (SHA-256).

    `state_hash` finds the row when the user comes back from the approval page; the user then goes on to `return_to`.
    `begun_in_app` where an app asked for the last page with its token. `search_text` is what it is found by, None until
    then where a version before 0063 has written it.
    """

    __tablename__ = "payment"
    __table_args__ = (
        Index("ix_payment_page", "user_id", "id"),
        Index("ix_payment_filtered_page", "user_id", "status", "rail", "id"),
        Index(
            "ix_payment_scheduled",
            "user_id",
            "scheduled_for",
            "id",
            sqlite_where=text(_SCHEDULED),
            postgresql_where=text(_SCHEDULED),
        ),
        Index("ix_payment_unfolded", "user_id", sqlite_where=text(_UNFOLDED), postgresql_where=text(_UNFOLDED)),
        Index("ix_payment_vendor_id", "vendor", "vendor_payment_id"),
        Index("ix_payment_waiting", "status", "created_at", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
        Index("ix_payment_overdue", "id", sqlite_where=text(_OVERDUE), postgresql_where=text(_OVERDUE)),
        Index("ix_payment_watched", "id", sqlite_where=text(_WATCHED), postgresql_where=text(_WATCHED)),
        Index("ix_payment_withdrawn", "id", sqlite_where=text(_WITHDRAWN), postgresql_where=text(_WITHDRAWN)),
        Index("ix_payment_in_doubt", "id", sqlite_where=text("in_doubt = 1"), postgresql_where=text("in_doubt")),
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    rail: str
    vendor: str
    status: str
    failure_code: str | None = None
    failure_detail: str | None = None
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    creditor_name: str
    creditor_iban: str
    creditor_bban: str | None = None
    debtor_account_id: str | None = Field(default=None, foreign_key="bank_account.id", index=True)
    kid: str | None = None
    message: str | None = None
    scheduled_for: date | None = None
    end_to_end_id: str = Field(unique=True)
    vendor_payment_id: str | None = None
    authorisation_url: str | None = None
    authorisation_encrypted: bytes | None = None
    authorisation_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    client_secret: str | None = None
    cancellation_status: str | None = None
    cancellation_url: str | None = None
    cancellation_encrypted: bytes | None = None
    cancellation_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    device_encrypted: bytes | None = None
    in_doubt: bool = False
    returned_on: date | None = None
    overdue_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sca: str | None = None
    unknown_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    unknown_asks: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    watched_until: date | None = None
    state_hash: str = Field(unique=True)
    return_to: str
    begun_in_app: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    search_text: str | None = None
    version: int = 0


class PaymentEventRow(SQLModel, table=True):
    """An entry of a payment's history: append-only, one row per version."""

    __tablename__ = "payment_event"
    __table_args__ = (UniqueConstraint("payment_id", "version"),)

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id")
    version: int
    status: str
    failure_code: str | None = None
    failure_detail: str | None = None
    cause: str
    kind: str = Field(default="STATUS", sa_column_kwargs={"server_default": "STATUS"})
    at: datetime = Field(sa_type=UtcDateTime)


class IdempotencyKeyRow(SQLModel, table=True):
    """What an idempotency key was used for, unique per user, operation and key.

    `fingerprint` hashes the business fields.
    """

    __tablename__ = "idempotency_key"

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    operation: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    object_id: str
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class PaymentAttemptRow(SQLModel, table=True):
    """A try to pay a card payment. Its id is the idempotency key at the vendor, so a repeated call is the same try."""

    __tablename__ = "payment_attempt"

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id", index=True)
    payment_method: str
    return_url: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PaymentResolutionRow(SQLModel, table=True):
    """What an operator has proposed to say of a payment, until another one approves it."""

    __tablename__ = "payment_resolution"

    payment_id: str = Field(primary_key=True, foreign_key="payment.id")
    outcome: str
    reason: str
    version: int
    proposed_by: str
    proposed_at: datetime = Field(sa_type=UtcDateTime)


class RefundRow(SQLModel, table=True):
    """A refund of a card payment. `vendor_refund_id` is NULL until the vendor has answered."""

    __tablename__ = "refund"
    __table_args__ = (
        Index(
            "ix_refund_waiting", "status", "created_at", sqlite_where=text(_PENDING), postgresql_where=text(_PENDING)
        ),
    )

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id", index=True)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    status: str
    failure_code: str | None = None
    vendor_refund_id: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class DisputeRow(SQLModel, table=True):
    """A card holder's objection to a payment, unique at the vendor. A payment may have several."""

    __tablename__ = "dispute"

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id", index=True)
    vendor_dispute_id: str = Field(unique=True)
    status: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    reason: str
    evidence_due_by: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
