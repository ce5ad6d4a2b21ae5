"""Data exports: a ZIP file with all data that Drop holds about a user."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import anyio.to_thread
from ulid import ULID

from db.events import NewEvent
from db.ids import new_id
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.clock import Clock, oslo_date
from domain.data_export import KEPT_FOR, DataExport, DataExportStatus
from domain.event import ChangeKind, EventKind
from domain.ids import DataExportId, UserId
from domain.job import Job
from domain.notification import Template
from domain.page import Keyset
from domain.snapshot import export_fields
from domain.upload import LINK_LIFETIME, MAX_BYTES, UploadStatus
from providers.storage.port import Bucket, ObjectKey, ObjectStore
from providers.vendors import Vendors
from services.files.uploads import Uploads
from services.notifications.compose import NotificationComposer

_SHOWN: Final = 100
_README: Final = """Everything that Drop keeps about you, a JSON file for each kind, and your uploaded files.

Not in here: your national identity number, which is kept encrypted and shown to nobody, and the secrets by which
your sign-ins are recognised, which are kept as hashes alone.
"""


@dataclass(frozen=True, slots=True)
class BuildExport(Job):
    """Collect a user's data into a ZIP and store it."""

    kind: ClassVar[str] = "build_data_export"
    user_id: UserId
    export_id: DataExportId

    @property
    def row_id(self) -> str:
        return self.export_id


@dataclass(frozen=True, slots=True)
class ExpireExport(Job):
    """Delete the ZIP of a data export whose time is over."""

    kind: ClassVar[str] = "expire_data_export"
    user_id: UserId
    export_id: DataExportId

    @property
    def row_id(self) -> str:
        return self.export_id


class DataExports:
    """One ZIP file with all data about a user: built by a job, and deleted from the bucket after its time."""

    def __init__(
        self,
        work: Work,
        read: Read,
        stores: Vendors[ObjectStore],
        uploads: Uploads,
        notifications: NotificationComposer,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._stores = stores
        self._uploads = uploads
        self._notifications = notifications
        self._clock = clock

    async def page(self, user_id: UserId, keyset: Keyset) -> list[DataExport]:
        async with self._read() as read:
            return await read.exports.page(user_id, keyset)

    async def by_ids(self, user_id: UserId, wanted: Sequence[DataExportId]) -> list[DataExport]:
        async with self._read() as read:
            return await read.exports.by_ids(user_id, wanted)

    def download_url(self, export: DataExport) -> str | None:
        """A presigned address of the export's file for 900 s, None unless the export is READY."""
        if export.status is not DataExportStatus.READY:
            return None
        return self._stores[export.vendor].presign_download(
            _key(export),
            file_name=f"drop-{oslo_date(export.requested_at).isoformat()}.zip",
            content_type="application/zip",
            expires_in_s=int(LINK_LIFETIME.total_seconds()),
        )

    async def request(self, user_id: UserId) -> DataExport:
        """Request an export. While an export is being built, that export is given instead. Commits."""
        return await retry_on_stale(lambda: self._request(user_id))

    async def _request(self, user_id: UserId) -> DataExport:
        now = self._clock.now()
        async with self._work() as work:
            await work.users.hold(user_id)
            for known in await work.exports.page(user_id, Keyset(None, None, 1)):
                if known.status is DataExportStatus.REQUESTED:
                    return known
            export = DataExport(
                id=DataExportId(new_id(ids.DATA_EXPORT, now)),
                user_id=user_id,
                vendor=self._stores.current,
                object_key=f"{user_id}/{ULID.from_datetime(now)}.zip",
                requested_at=now,
            )
            work.exports.add(export)
            self._tell(work, export, ChangeKind.CREATED)
            work.jobs.enqueue(BuildExport(user_id, export.id), now=now)
            await work.commit()
        return export

    async def build(self, user_id: UserId, export_id: DataExportId) -> None:
        """Collect the data, store the ZIP and queue the message to the user. Safe to repeat. Raises Unavailable."""
        async with self._read() as read:
            export = await read.exports.get(user_id, export_id)
            if export is None or export.status is not DataExportStatus.REQUESTED:
                return
            data = await read.personal_data.all_of(user_id)
        files = await self._files(user_id)
        body = await anyio.to_thread.run_sync(_zipped, data, files)
        await self._stores[export.vendor].put(_key(export), body, "application/zip")
        now = self._clock.now()
        async with self._work() as work:
            expires_at = now + KEPT_FOR
            ready = replace(
                export,
                status=DataExportStatus.READY,
                ready_at=now,
                expires_at=expires_at,
                size_bytes=len(body),
                version=export.version + 1,
            )
            await work.exports.save(export, ready)
            self._tell(work, ready)
            day = oslo_date(expires_at)
            await self._notifications.queue(work, user_id, Template.DATA_EXPORT_READY, expiresOn=day)
            work.jobs.enqueue(ExpireExport(user_id, export.id), due_at=expires_at, now=now)
            await work.commit()

    async def expire(self, user_id: UserId, export_id: DataExportId) -> None:
        async with self._work() as work:
            export = await work.exports.get(user_id, export_id)
            if export is not None and export.status is DataExportStatus.READY:
                expired = replace(export, status=DataExportStatus.EXPIRED, version=export.version + 1)
                await work.exports.save(export, expired)
                self._tell(work, expired)
                self._uploads.enqueue_delete(work, export.vendor, _key(export))
                await work.commit()

    async def forget(self, work: UnitOfWork, user_id: UserId) -> None:
        """Queue the deletion of a user's files at the store, within the caller's transaction."""
        for export in await work.exports.page(user_id, Keyset(None, None, 100_000)):
            self._uploads.enqueue_delete(work, export.vendor, _key(export))

    async def _files(self, user_id: UserId) -> Mapping[str, bytes]:
        async with self._read() as read:
            uploads = await read.uploads.of_user(user_id, [UploadStatus.STORED], limit=_SHOWN)
        files = {}
        for upload in uploads:
            store = self._stores[upload.vendor]
            body = await store.read(ObjectKey(Bucket.UPLOADS, upload.object_key), at_most_bytes=MAX_BYTES)
            if body is not None:
                files[f"files/{upload.id}-{upload.order.file_name}"] = body
        return files

    def _tell(self, work: UnitOfWork, export: DataExport, change: ChangeKind = ChangeKind.UPDATED) -> None:
        fields, now = export_fields(export), self._clock.now()
        work.publish(NewEvent(export.user_id, EventKind.DATA_EXPORT, export.id, fields, now, change))


def _key(export: DataExport) -> ObjectKey:
    return ObjectKey(Bucket.EXPORTS, export.object_key)


def _zipped(data: Mapping[str, list[dict[str, Any]]], files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _README)
        for name, rows in data.items():
            archive.writestr(f"{name}.json", json.dumps(rows, ensure_ascii=False, indent=2))
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()
