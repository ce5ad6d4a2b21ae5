"""Cards that Drop issues, and who holds them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Index, SQLModel

from db.columns import UtcDateTime


class CardholderRow(SQLModel, table=True):
    """A user at the card issuer, unique per user. `address` is a domain Address as JSON."""

    __tablename__ = "cardholder"

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", unique=True)
    vendor: str
    vendor_cardholder_id: str | None = None
    name: str
    address: Any = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)


class CardRow(SQLModel, table=True):
    """A card of a user. The whole card number is never stored: the issuer keeps it."""

    __tablename__ = "card"
    __table_args__ = (Index("ix_card_user_id", "user_id", "id"),)

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    cardholder_id: str = Field(foreign_key="cardholder.id", index=True)
    vendor: str
    vendor_card_id: str | None = None
    type: str
    status: str
    last4: str | None = None
    expiry_month: int | None = None
    expiry_year: int | None = None
    failure_code: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1
