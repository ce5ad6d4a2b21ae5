from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, Index, SQLModel

from db.columns import UtcDateTime


class JobRow(SQLModel, table=True):
    """Work that follows a change. `due_at` is by the product's clock, `leased_until` by the machine's."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_due", "status", "due_at"),
        Index("ix_job_kind", "kind", "status", "due_at"),
        Index("ix_job_row_id", "row_id", "kind"),
    )

    id: str = Field(primary_key=True)
    kind: str
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    status: str
    due_at: datetime = Field(sa_type=UtcDateTime)
    attempts: int = 0
    faults: int = 0
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    leased_by: str | None = None
    last_error: str | None = None
    # The release whose fault blocked the job: another release tries it again.
    blocked_by: str | None = None
    # The row that stands still without this job.
    row_id: str | None = None
    trace_id: str | None = None
    # The span that queued it, as W3C's Trace Context writes it.
    span: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


class WorkerHeartbeatRow(SQLModel, table=True):
    """When a worker was last alive, by the machine's clock."""

    __tablename__ = "worker_heartbeat"

    worker: str = Field(primary_key=True)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class ClockOffsetRow(SQLModel, table=True):
    """How far the product's clock is ahead of the machine's, in microseconds, for all processes. There is one row.

    Each reset of mock mode begins another generation, which alone may be less far ahead.
    """

    __tablename__ = "clock_offset"

    id: int = Field(primary_key=True)
    offset_us: int = Field(default=0, sa_type=BigInteger)
    generation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
