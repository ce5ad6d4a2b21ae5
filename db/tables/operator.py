"""Operators and what their tokens are known by."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class OperatorRow(SQLModel, table=True):
    """An operator's token, as its SHA-256. A revoked one stays, so that its name is given to nobody else."""

    __tablename__ = "operator"

    name: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    role: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
