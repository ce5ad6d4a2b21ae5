"""Differences between a vendor's objects and what is stored here."""

from datetime import datetime

from sqlalchemy import BigInteger, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from db.columns import UtcDateTime

_OPEN = text("mended_at IS NULL")


class DifferenceRow(SQLModel, table=True):
    """A difference that a reconciliation found, one row per object of a vendor, or of ours where it has none.

    `theirs` and `ours` are the statuses that were compared, `our_id` is ours if it is known. `told_at` is when
    operators were alerted, `mended_at` when it was found to be gone.
    """

    __tablename__ = "difference"
    __table_args__ = (
        UniqueConstraint("vendor", "object_kind", "reference"),
        Index("ix_difference_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: str = Field(primary_key=True)
    vendor: str
    object_kind: str
    reference: str
    kind: str
    our_id: str | None = None
    parent: str | None = None
    theirs: str | None = None
    ours: str | None = None
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    found_at: datetime = Field(sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
