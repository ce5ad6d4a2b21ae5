"""Uploads: presigning, verifying the stored files, deleting, and ending uploads that never came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from ulid import ULID

from db.events import NewEvent
from db.ids import new_id
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.clock import Clock
from domain.errors import InvalidState, NotFound, ProviderUnavailable, Unavailable
from domain.event import ChangeKind, EventKind
from domain.ids import UploadId, UserId
from domain.job import Job
from domain.page import Keyset
from domain.snapshot import upload_fields
from domain.upload import (
    FIRST_BYTES,
    LINK_LIFETIME,
    MAX_PENDING,
    TYPES,
    RejectReason,
    Upload,
    UploadOrder,
    UploadStatus,
    fault_of,
)
from providers.storage.port import Bucket, Declared, ObjectKey, ObjectStore, PresignedUpload
from providers.vendors import Vendors

# A PUT that began before the link ran out may still be under way.
_GRACE: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ExpireUpload(Job):
    """End an upload that was not completed in time."""

    kind: ClassVar[str] = "expire_upload"
    user_id: UserId
    upload_id: UploadId

    @property
    def row_id(self) -> str:
        return self.upload_id


@dataclass(frozen=True, slots=True)
class DeleteObject(Job):
    """Delete an object at its store. `bucket` is a value of `Bucket`."""

    kind: ClassVar[str] = "delete_object"
    vendor: str
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class CreatedUpload:
    """A new upload, and the presigned PUT by which the client sends its bytes."""

    upload: Upload
    target: PresignedUpload


class Uploads:
    """Users' files in the object store: presigned, verified by size, type and SHA-256 when stored, and deleted.

    The bytes never pass through the gateway. Each method commits its own transactions.
    """

    def __init__(self, work: Work, read: Read, stores: Vendors[ObjectStore], clock: Clock, *, at_most_mib: int) -> None:
        self._work = work
        self._read = read
        self._stores = stores
        self._clock = clock
        self._at_most_mib = at_most_mib

    async def page(self, user_id: UserId, keyset: Keyset) -> list[Upload]:
        async with self._read() as read:
            return await read.uploads.page(user_id, keyset)

    async def by_ids(self, user_id: UserId, wanted: Sequence[UploadId]) -> list[Upload]:
        async with self._read() as read:
            return await read.uploads.by_ids(user_id, wanted)

    def download_url(self, upload: Upload) -> str | None:
        """A presigned address of the file for 900 s, None unless the upload is STORED."""
        if upload.status is not UploadStatus.STORED:
            return None
        return self._stores[upload.vendor].presign_download(
            _key(upload),
            file_name=upload.order.file_name,
            content_type=upload.order.content_type,
            expires_in_s=int(LINK_LIFETIME.total_seconds()),
        )

    async def create(self, user_id: UserId, order: UploadOrder) -> CreatedUpload:
        """Presign the PUT of the declared file. Raises InvalidState if too many are under way, or too much is kept."""
        now = self._clock.now()
        upload = Upload(
            id=UploadId(new_id(ids.UPLOAD, now)),
            user_id=user_id,
            vendor=self._stores.current,
            order=order,
            object_key=f"{user_id}/{ULID.from_datetime(now)}.{TYPES[order.content_type].extension}",
            created_at=now,
            expires_at=now + LINK_LIFETIME,
        )
        declared = Declared(order.content_type, order.size_bytes, order.sha256)
        target = self._stores[upload.vendor].presign_upload(
            _key(upload), declared, expires_in_s=int(LINK_LIFETIME.total_seconds())
        )
        async with self._work() as work:
            await work.users.hold(user_id)
            if await work.uploads.count_pending(user_id) >= MAX_PENDING:
                message = f"{MAX_PENDING} uploads are under way: complete or delete one first."
                raise InvalidState(message, text="TOO_MANY_UPLOADS", values={"most": MAX_PENDING})
            if await work.uploads.bytes_of(user_id) + order.size_bytes > self._at_most_mib * 1024**2:
                message = f"Files may take {self._at_most_mib} MiB in all: delete some first."
                raise InvalidState(message, text="STORAGE_FULL", values={"most_mib": self._at_most_mib})
            work.uploads.add(upload)
            self._tell(work, upload, ChangeKind.CREATED)
            work.jobs.enqueue(ExpireUpload(user_id, upload.id), due_at=upload.expires_at + _GRACE, now=now)
            await work.commit()
        return CreatedUpload(upload, target)

    async def complete(self, user_id: UserId, upload_id: UploadId) -> Upload:
        """Verify what was stored. Safe to repeat. Raises NotFound, InvalidState, ProviderUnavailable."""
        upload = await self._owned(user_id, upload_id)
        if upload.status is UploadStatus.STORED:
            return upload
        if upload.status is not UploadStatus.PENDING:
            raise InvalidState(f"The upload is {upload.status}.", field=("input", "id"), text="UPLOAD_ENDED")
        try:
            is_there, reason = await self._verify(upload)
        except Unavailable as error:
            raise _unavailable() from error
        if not is_there:
            message = "Nothing has been uploaded yet: PUT the file first."
            raise InvalidState(message, field=("input", "id"), text="NOTHING_UPLOADED")
        status = UploadStatus.REJECTED if reason else UploadStatus.STORED
        return await retry_on_stale(lambda: self._become(upload, status, reason))

    async def delete(self, user_id: UserId, upload_id: UploadId) -> Upload:
        """Delete a file. Its object is deleted from the store by a job. Raises NotFound."""
        upload = await self._owned(user_id, upload_id)
        return await retry_on_stale(lambda: self._become(upload, UploadStatus.DELETED))

    async def expire(self, user_id: UserId, upload_id: UploadId) -> None:
        """End an upload that was not completed in time, and delete its object. Commits."""
        await retry_on_stale(lambda: self._expire(user_id, upload_id))

    async def delete_object(self, vendor: str, bucket: str, key: str) -> None:
        """Delete an object from its store. Safe to repeat. Raises Unavailable."""
        await self._stores[vendor].delete(ObjectKey(Bucket(bucket), key))

    async def forget(self, work: UnitOfWork, user_id: UserId) -> None:
        """Queue the deletion of a user's objects at the store, within the caller's transaction."""
        every = [status for status in UploadStatus if status is not UploadStatus.DELETED]
        for upload in await work.uploads.of_user(user_id, every, limit=100_000):
            self._enqueue_delete_of(work, upload)

    def enqueue_delete(
        self, work: UnitOfWork, vendor: str, target: ObjectKey, *, after: timedelta = timedelta(0)
    ) -> None:
        now = self._clock.now()
        work.jobs.enqueue(DeleteObject(vendor, target.bucket, target.key), due_at=now + after, now=now)

    def _enqueue_delete_of(self, work: UnitOfWork, upload: Upload) -> None:
        """Queue the deletion of an upload's object; twice where the client's link still takes the file afterwards."""
        self.enqueue_delete(work, upload.vendor, _key(upload))
        link_left = upload.expires_at + _GRACE - self._clock.now()
        if link_left > timedelta(0):
            self.enqueue_delete(work, upload.vendor, _key(upload), after=link_left)

    async def _verify(self, upload: Upload) -> tuple[bool, RejectReason | None]:
        store, key = self._stores[upload.vendor], _key(upload)
        stored = await store.head(key)
        first = await store.read(key, at_most_bytes=FIRST_BYTES) if stored else None
        if stored is None or first is None:
            return False, None
        reason = fault_of(
            upload.order,
            size_bytes=stored.size_bytes,
            content_type=stored.content_type,
            sha256=stored.sha256,
            first=first,
        )
        return True, reason

    async def _owned(self, user_id: UserId, upload_id: UploadId) -> Upload:
        for upload in await self.by_ids(user_id, [upload_id]):
            return upload
        raise NotFound("There is no such upload.", field=("input", "id"))

    async def _expire(self, user_id: UserId, upload_id: UploadId) -> None:
        async with self._work() as work:
            before = await work.uploads.get(user_id, upload_id)
            if before is not None and before.status is UploadStatus.PENDING:
                await self._save(work, before, before.become(UploadStatus.EXPIRED, self._clock.now()))
                await work.commit()

    async def _become(self, upload: Upload, status: UploadStatus, reason: RejectReason | None = None) -> Upload:
        async with self._work() as work:
            before = await work.uploads.get(upload.user_id, upload.id)
            assert before is not None
            after = before.become(status, self._clock.now(), reason)
            if after is not before:
                await self._save(work, before, after)
                await work.commit()
            return after

    async def _save(self, work: UnitOfWork, before: Upload, after: Upload) -> None:
        await work.uploads.save(before, after)
        self._tell(work, after)
        if after.status is not UploadStatus.STORED:
            self._enqueue_delete_of(work, before)

    def _tell(self, work: UnitOfWork, upload: Upload, change: ChangeKind = ChangeKind.UPDATED) -> None:
        fields, now = upload_fields(upload), self._clock.now()
        work.publish(NewEvent(upload.user_id, EventKind.UPLOAD, upload.id, fields, now, change))


def _key(upload: Upload) -> ObjectKey:
    return ObjectKey(Bucket.UPLOADS, upload.object_key)


def _unavailable() -> ProviderUnavailable:
    return ProviderUnavailable("storage", "Files are temporarily unavailable. Try again soon.", text="FILES_AWAY")
