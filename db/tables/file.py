"""Files of users: uploads, and exports of all data about a user."""

from datetime import datetime

from sqlalchemy import BigInteger, text
from sqlmodel import Field, Index, SQLModel

from db.columns import UtcDateTime

_WAITING = "status IN ('PENDING')"
_GONE = "status IN ('REJECTED', 'EXPIRED', 'DELETED')"
_RUN_OUT = "status IN ('EXPIRED')"


class UploadRow(SQLModel, table=True):
    """A file of a user.

    `size_bytes`, `content_type` and `sha256` (hex) are what the client declared, until it is STORED.
    """

    __tablename__ = "upload"
    __table_args__ = (
        Index("ix_upload_page", "user_id", "id"),
        Index(
            "ix_upload_waiting", "status", "created_at", sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)
        ),
        Index("ix_upload_gone", "created_at", sqlite_where=text(_GONE), postgresql_where=text(_GONE)),
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    vendor: str
    purpose: str
    file_name: str
    content_type: str
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str
    object_key: str = Field(unique=True)
    status: str
    reject_reason: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    stored_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class DataExportRow(SQLModel, table=True):
    """A file with all data about a user. It is deleted from the object store at `expires_at`."""

    __tablename__ = "data_export"
    __table_args__ = (
        Index("ix_data_export_user_id", "user_id", "id"),
        Index("ix_data_export_gone", "requested_at", sqlite_where=text(_RUN_OUT), postgresql_where=text(_RUN_OUT)),
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    vendor: str
    object_key: str = Field(unique=True)
    status: str
    requested_at: datetime = Field(sa_type=UtcDateTime)
    ready_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    version: int = 1
