"""Subscriptions to a plan and their invoices."""

from datetime import date, datetime

from sqlalchemy import BigInteger, text
from sqlmodel import Field, Index, SQLModel

from db.columns import UtcDateTime

_WAITING = "status IN ('CREATED', 'INCOMPLETE')"
_ENDED = "status IN ('ENDED')"
_WATCHED = "watched_until IS NOT NULL"


class PlanSubscriptionRow(SQLModel, table=True):
    """A user's subscription to a plan. A partial unique index keeps a user from a second one that has not ended."""

    __tablename__ = "plan_subscription"
    __table_args__ = (
        Index("ix_plan_subscription_user_id", "user_id", "id"),
        Index(
            "uq_plan_subscription_open",
            "user_id",
            unique=True,
            sqlite_where=text("status <> 'ENDED'"),
            postgresql_where=text("status <> 'ENDED'"),
        ),
        Index(
            "ix_plan_subscription_waiting",
            "status",
            "created_at",
            sqlite_where=text(_WAITING),
            postgresql_where=text(_WAITING),
        ),
        Index("ix_plan_subscription_ended", "created_at", sqlite_where=text(_ENDED), postgresql_where=text(_ENDED)),
        Index("ix_plan_subscription_vendor", "vendor"),
        Index("ix_plan_subscription_watched", "id", sqlite_where=text(_WATCHED), postgresql_where=text(_WATCHED)),
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    plan_id: str
    vendor: str
    vendor_subscription_id: str | None = Field(default=None, index=True)
    payment_method: str
    return_url: str
    state_hash: str = Field(unique=True)
    return_to: str
    status: str
    period_end: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cancel_at_period_end: bool = False
    ended_because: str | None = None
    failure_code: str | None = None
    failure_detail: str | None = None
    authorisation_url: str | None = None
    watched_until: date | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1


class PlanInvoiceRow(SQLModel, table=True):
    """The bill of one period, unique by the vendor's id. `number` is the one that the user reads on it."""

    __tablename__ = "plan_invoice"

    id: str = Field(primary_key=True)
    subscription_id: str = Field(foreign_key="plan_subscription.id", index=True)
    vendor_invoice_id: str = Field(unique=True)
    number: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    status: str
    period_start: datetime = Field(sa_type=UtcDateTime)
    period_end: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
