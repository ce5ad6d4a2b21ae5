from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class KycRow(SQLModel, table=True):
    """A user's KYC application, unique per user. `news_at` is the vendor's time of the newest review of any kind."""

    __tablename__ = "kyc_application"

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", unique=True)
    vendor: str
    applicant_id: str | None = Field(default=None, index=True)
    status: str
    retry_required: bool = False
    can_retry: bool = False
    reject_labels: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    risk_score: int | None = None
    checks: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    news_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 0
