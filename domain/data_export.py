"""All that is held about a user, as a file for them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.ids import DataExportId, UserId

KEPT_FOR: Final = timedelta(days=7)


class DataExportStatus(StrEnum):
    REQUESTED = "REQUESTED"
    READY = "READY"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class DataExport:
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
