"""Exports of all data that Drop holds about a user, as a file for that user (GDPR, article 20)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.ids import DataExportId, UserId

KEPT_FOR: Final = timedelta(days=7)


class DataExportStatus(StrEnum):
    """How far an export has come: REQUESTED is being written, EXPIRED has no file any more."""

    REQUESTED = "REQUESTED"
    READY = "READY"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class DataExport:
    """A file with the user's data. `size_bytes` and both times are None until the file is READY."""

    id: DataExportId
    user_id: UserId
    vendor: str
    object_key: str
    requested_at: datetime
    status: DataExportStatus = DataExportStatus.REQUESTED
    ready_at: datetime | None = None
    expires_at: datetime | None = None
    size_bytes: int | None = None
    version: int = 1
