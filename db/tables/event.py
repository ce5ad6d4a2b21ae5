"""Streams of user events, webhooks received, timelines."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Integer, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from db.columns import UtcDateTime


class UserEventSeqRow(SQLModel, table=True):
    """The last number given in a user's stream. The lock on this row orders the transactions that add events."""

    __tablename__ = "user_event_seq"

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    epoch: str
    last: int = 0


class UserEventRow(SQLModel, table=True):
    """A change of one of the user's objects. `fields` is the object's snapshot then; `seq` rises by one per user."""

    __tablename__ = "user_event"

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    object_id: str
    fields: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    change: str = Field(default="UPDATED", sa_column_kwargs={"server_default": "UPDATED"})


_OPEN = "status IN ('RECEIVED', 'PARKED')"


class WebhookEventRow(SQLModel, table=True):
    """A verified webhook, as it came, unique per vendor and the vendor's event.

    `outcome` says what processing it has changed, or why nothing; `user_id` is whom it is about, once that is found.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (
        UniqueConstraint("provider", "event_key"),
        Index("ix_webhook_event_received_at", "received_at"),
        Index(
            "ix_webhook_event_waiting", "status", "received_at", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)
        ),
    )

    id: str = Field(primary_key=True)
    provider: str
    event_key: str
    raw: bytes
    received_at: datetime = Field(sa_type=UtcDateTime)
    status: str
    attempts: int = 0
    outcome: str | None = None
    processed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    # No foreign key: the person's row may be written to while webhooks come in.
    user_id: str | None = Field(default=None, index=True)


class TraceEventRow(SQLModel, table=True):
    """Lines of a payment's timeline, for operators. Payments do not depend on it: lines may be lost or deleted.

    `body` packs the lines that were written at once (`db/timeline_body.py`), `at` is the last one's time. A row without
    a body is one line, in the columns of its own.
    """

    __tablename__ = "trace_event"
    # The payment alone: PostgreSQL then stores it once for all its rows.
    __table_args__ = (Index("ix_trace_event_of_payment", "payment_id"),)

    number: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    )
    payment_id: str
    trace_id: str
    kind: str
    summary: str
    outcome: str
    webhook_id: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    body: bytes | None = None
