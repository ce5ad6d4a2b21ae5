from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Index, SQLModel

from db.columns import UtcDateTime


class NotificationRow(SQLModel, table=True):
    """A message to a user. `data` fills the template.

    The address is not stored here: it is the user's when it is sent. Of an SMS the number's keyed hash is, by which SMS
    are counted, whoever causes them.
    """

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_user_id", "user_id", "id"),
        Index("ix_notification_vendor_message_id", "vendor", "vendor_message_id"),
        Index("ix_notification_number_hash", "number_hash", "id"),
        Index("ix_notification_status", "status", "id"),
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    channel: str
    template: str
    locale: str
    data: Any = Field(sa_column=Column(JSON, nullable=False))
    vendor: str
    vendor_message_id: str | None = None
    status: str
    attempts: int = 0
    outcome: str | None = None
    number_hash: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    version: int = 1
