"""Data exports: a ZIP file with all data that Drop holds about a user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from os import SEEK_END
from tempfile import TemporaryFile
from typing import ClassVar, Final

import anyio.to_thread
from ulid import ULID

from db.events import NewEvent
from db.ids import new_id
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.clock import Clock, oslo_date
from domain.data_export import KEPT_FOR, DataExport, DataExportStatus
from domain.errors import RateLimited, Unauthenticated
from domain.event import ChangeKind, EventKind
from domain.ids import DataExportId, UserId
from domain.job import Job
from domain.notification import Template
from domain.page import Keyset
from domain.snapshot import export_fields
from domain.upload import LINK_LIFETIME
from providers.storage.port import Bucket, ObjectKey, ObjectStore
from providers.vendors import Vendors
from services.files.export_contents import ExportContents, TellWebhook
from services.files.uploads import Uploads
from services.notifications.compose import NotificationComposer

_DAY: Final = timedelta(days=1)
# Longer than a job may take (`JOB_LEASE_S`): a build that is under way has stored its file by then.
_BUILT_BY: Final = timedelta(hours=1)


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
        told_webhooks: Mapping[str, TellWebhook],
        *,
        a_day: int,
    ) -> None:
        self._work = work
        self._read = read
        self._stores = stores
        self._contents = ExportContents(read, stores, told_webhooks)
        self._uploads = uploads
        self._notifications = notifications
        self._clock = clock
        self._a_day = a_day

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
        """Request an export. While an export is being built, that export is given instead. Commits.

        Raises RateLimited where the day's exports have been asked for.
        """
        return await retry_on_stale(lambda: self._request(user_id))

    async def _request(self, user_id: UserId) -> DataExport:
        now = self._clock.now()
        async with self._work() as work:
            await work.users.hold(user_id)
            newest = await work.exports.page(user_id, Keyset(None, None, self._a_day))
            if newest and newest[0].status is DataExportStatus.REQUESTED:
                return newest[0]
            again_at = newest[-1].requested_at + _DAY if len(newest) == self._a_day else now
            if again_at > now:
                raise RateLimited((again_at - now).total_seconds())
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
        with TemporaryFile() as file:
            await self._contents.write(export, file)
            size = await anyio.to_thread.run_sync(file.seek, 0, SEEK_END)
            await self._stores[export.vendor].put_file(_key(export), file, "application/zip")
        await retry_on_stale(lambda: self._finish(export, size))

    async def _finish(self, export: DataExport, size_bytes: int) -> None:
        now = self._clock.now()
        async with self._work() as work:
            current = await self._held(work, export)
            if current is None or current.status is DataExportStatus.EXPIRED:
                # The user has left while it was built: nothing may stay behind.
                self._uploads.enqueue_delete(work, export.vendor, _key(export))
                await work.commit()
            elif current.status is DataExportStatus.REQUESTED:
                await self._become_ready(work, current, size_bytes, now)
                await work.commit()

    async def _held(self, work: UnitOfWork, export: DataExport) -> DataExport | None:
        try:
            await work.users.hold(export.user_id)
        except Unauthenticated:
            return None
        return await work.exports.get(export.user_id, export.id)

    async def _become_ready(self, work: UnitOfWork, export: DataExport, size_bytes: int, now: datetime) -> None:
        expires_at = now + KEPT_FOR
        ready = replace(
            export,
            status=DataExportStatus.READY,
            ready_at=now,
            expires_at=expires_at,
            size_bytes=size_bytes,
            version=export.version + 1,
        )
        await work.exports.save(export, ready)
        self._tell(work, ready)
        day = oslo_date(expires_at)
        await self._notifications.queue(work, export.user_id, Template.DATA_EXPORT_READY, expiresOn=day)
        work.jobs.enqueue(ExpireExport(export.user_id, export.id), due_at=expires_at, now=now)

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
            if export.status is DataExportStatus.REQUESTED:
                # A build may be under way whose process dies once it has stored the file: nobody else would find it.
                self._uploads.enqueue_delete(work, export.vendor, _key(export), after=_BUILT_BY)

    def _tell(self, work: UnitOfWork, export: DataExport, change: ChangeKind = ChangeKind.UPDATED) -> None:
        fields, now = export_fields(export), self._clock.now()
        work.publish(NewEvent(export.user_id, EventKind.DATA_EXPORT, export.id, fields, now, change))


def _key(export: DataExport) -> ObjectKey:
    return ObjectKey(Bucket.EXPORTS, export.object_key)
