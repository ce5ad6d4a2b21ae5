"""The audit trail and its seals. Triggers of the database refuse to change or delete what stands in it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Integer
from sqlmodel import Field, Index, SQLModel

from db.columns import UtcDateTime


def _number() -> Any:
    return Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False)


class AuditEventRow(SQLModel, table=True):
    """An entry of the audit trail: which action, for which user and object, by which operator. No contact values."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_of_user", "user_id", "id"),
        Index("ix_audit_event_of_object", "object_id", "id"),
    )

    id: str = Field(primary_key=True)
    user_id: str | None = None
    action: str
    object_id: str | None = None
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)
    operator: str | None = None


class AuditAwaitingRow(SQLModel, table=True):
    """An entry that is not sealed yet. A trigger adds it with the entry, so that one that commits late is found."""

    __tablename__ = "audit_awaiting"

    event_id: str = Field(primary_key=True)


class AuditSealRow(SQLModel, table=True):
    """An entry's place in the chain, and the hash of all entries up to it."""

    __tablename__ = "audit_seal"
    __table_args__ = (Index("ix_audit_seal_sealed_at", "sealed_at", "number"),)

    number: int = Field(sa_column=_number())
    event_id: str = Field(foreign_key="audit_event.id", unique=True)
    hash: str
    sealed_at: datetime = Field(sa_type=UtcDateTime)


class AuditBaseRow(SQLModel, table=True):
    """The last entry of the months that were dropped: the chain goes on from its hash."""

    __tablename__ = "audit_base"

    number: int = Field(sa_column=_number())
    hash: str
    dropped_at: datetime = Field(sa_type=UtcDateTime)
