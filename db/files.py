from collections.abc import Sequence
from typing import Final

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.locks import locked
from db.paging import page_by_id
from db.shapes import Shape, each, made, optional
from db.tables.file import DataExportRow, UploadRow
from db.updates import save_over
from domain.data_export import DataExport, DataExportStatus
from domain.ids import DataExportId, UploadId, UserId
from domain.page import Keyset
from domain.upload import RejectReason, Upload, UploadOrder, UploadPurpose, UploadStatus


def _order_of(purpose: str, file_name: str, content_type: str, size_bytes: int, sha256: str) -> UploadOrder:
    return UploadOrder(UploadPurpose(purpose), file_name, content_type, size_bytes, sha256)


UPLOAD: Final = Shape(
    Upload,
    UploadRow,
    {
        **each("id", "user_id", "vendor", "object_key", "created_at", "expires_at", "stored_at", "version"),
        "order": made(_order_of, "purpose", "file_name", "content_type", "size_bytes", "sha256"),
        "status": made(UploadStatus, "status"),
        "reject_reason": optional(RejectReason, "reject_reason"),
    },
)
DATA_EXPORT: Final = Shape(
    DataExport,
    DataExportRow,
    {
        **each("id", "user_id", "vendor", "object_key", "requested_at", "ready_at", "expires_at", "size_bytes"),
        **each("version"),
        "status": made(DataExportStatus, "status"),
    },
)


class UploadQueries:
    """Files that users upload. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, keyset: Keyset) -> list[Upload]:
        """Uploads that are not deleted, newest first. With `backwards` the last ones of the range, oldest first."""
        query = select(UploadRow).where(UploadRow.user_id == user_id, UploadRow.status != UploadStatus.DELETED)
        query = page_by_id(query, col(UploadRow.id), keyset, newest_first=True)
        return [UPLOAD.of(row) for row in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, ids: Sequence[UploadId]) -> list[Upload]:
        query = select(UploadRow).where(UploadRow.user_id == user_id, col(UploadRow.id).in_(ids))
        return [UPLOAD.of(row) for row in await self._session.exec(query)]

    async def get(self, user_id: UserId, upload_id: UploadId) -> Upload | None:
        query = select(UploadRow).where(UploadRow.user_id == user_id, UploadRow.id == upload_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        return UPLOAD.of(row) if row else None

    async def of_user(
        self, user_id: UserId, statuses: Sequence[UploadStatus], limit: int, *, after: str = ""
    ) -> list[Upload]:
        """The user's uploads in these statuses behind the id `after`, oldest first."""
        query = select(UploadRow).where(UploadRow.user_id == user_id, col(UploadRow.status).in_(statuses))
        query = query.where(col(UploadRow.id) > after)
        return [UPLOAD.of(row) for row in await self._session.exec(query.order_by(col(UploadRow.id)).limit(limit))]

    async def count_pending(self, user_id: UserId) -> int:
        query = select(func.count()).where(UploadRow.user_id == user_id, UploadRow.status == UploadStatus.PENDING)
        return (await self._session.exec(query)).one()

    async def bytes_of(self, user_id: UserId) -> int:
        """What the user's files take, those also that are on their way."""
        kept = (UploadStatus.PENDING, UploadStatus.STORED)
        query = select(func.coalesce(func.sum(UploadRow.size_bytes), 0))
        query = query.where(UploadRow.user_id == user_id, col(UploadRow.status).in_(kept))
        return int((await self._session.exec(query)).one())

    def add(self, upload: Upload) -> None:
        order = upload.order
        row = UploadRow(
            id=upload.id,
            user_id=upload.user_id,
            vendor=upload.vendor,
            purpose=order.purpose,
            file_name=order.file_name,
            content_type=order.content_type,
            size_bytes=order.size_bytes,
            sha256=order.sha256,
            object_key=upload.object_key,
            status=upload.status,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
        )
        self._session.add(row)

    async def save(self, before: Upload, after: Upload) -> None:
        """Write the new state over the version that was read. Raises StaleVersion."""
        await save_over(
            self._session,
            UploadRow,
            before,
            after,
            status=after.status,
            reject_reason=after.reject_reason,
            stored_at=after.stored_at,
        )


class DataExportQueries:
    """Files with all data about a user. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, keyset: Keyset) -> list[DataExport]:
        """Newest first. With `backwards` the last ones of the range, oldest first."""
        query = select(DataExportRow).where(DataExportRow.user_id == user_id)
        query = page_by_id(query, col(DataExportRow.id), keyset, newest_first=True)
        return [DATA_EXPORT.of(row) for row in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, ids: Sequence[DataExportId]) -> list[DataExport]:
        query = select(DataExportRow).where(DataExportRow.user_id == user_id, col(DataExportRow.id).in_(ids))
        return [DATA_EXPORT.of(row) for row in await self._session.exec(query)]

    async def get(self, user_id: UserId, export_id: DataExportId) -> DataExport | None:
        query = select(DataExportRow).where(DataExportRow.user_id == user_id, DataExportRow.id == export_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        return DATA_EXPORT.of(row) if row else None

    def add(self, export: DataExport) -> None:
        row = DataExportRow(
            id=export.id,
            user_id=export.user_id,
            vendor=export.vendor,
            object_key=export.object_key,
            status=export.status,
            requested_at=export.requested_at,
        )
        self._session.add(row)

    async def save(self, before: DataExport, after: DataExport) -> None:
        """Write the new state over the version that was read. Raises StaleVersion."""
        await save_over(
            self._session,
            DataExportRow,
            before,
            after,
            status=after.status,
            ready_at=after.ready_at,
            expires_at=after.expires_at,
            size_bytes=after.size_bytes,
        )
