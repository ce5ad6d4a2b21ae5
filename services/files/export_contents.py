"""What is in a data export: the user's rows, table by table, and the user's files."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, BinaryIO, Final

import structlog

from db.personal_data import HOLDINGS, WEBHOOKS, Holding
from db.told_rows import Row
from db.unit_of_work import Read
from domain.data_export import DataExport
from domain.errors import Unavailable
from domain.ids import UserId
from domain.upload import MAX_BYTES, Upload, UploadStatus
from providers.storage.port import Bucket, ObjectKey, ObjectStore
from providers.vendors import Vendors
from services.files.export_archive import ExportArchive

_FILES_AT_ONCE: Final = 100
_README: Final = """Everything that Drop keeps about you, a JSON file for each kind, and your uploaded files.

Not in here: your national identity number, which is kept encrypted and shown to nobody, the secrets by which
your sign-ins are recognised, which are kept as hashes alone, and what the law does not let Drop tell anybody
about the examination of customers (hvitvaskingsloven § 28), which is the same for everyone.
"""
# What a webhook's body tells its person; None where not even that it came.
TellWebhook = Callable[[bytes], Mapping[str, Any] | None]
_log = structlog.get_logger()


class ExportContents:
    """Writes all that is held about a user. One odd row or file costs that one, and the README names it.

    `told_webhooks` is what a webhook tells its person, by the address that it came to.
    """

    def __init__(self, read: Read, stores: Vendors[ObjectStore], told_webhooks: Mapping[str, TellWebhook]) -> None:
        self._read = read
        self._stores = stores
        self._told_webhooks = told_webhooks

    async def write(self, export: DataExport, file: BinaryIO) -> None:
        """Write the ZIP. Raises Unavailable where an object store is away."""
        missing = list[str]()
        async with ExportArchive(file) as archive:
            for holding in HOLDINGS:
                name = f"{holding.table.name}.json"
                async with aclosing(self._rows(export.user_id, holding, missing)) as pages:
                    await archive.add_rows(name, pages)
            async for upload in self._uploads(export.user_id):
                if not await self._add_file(archive, upload, export):
                    missing.append(f"{upload.id} {upload.order.file_name}: the file could not be read")
            await archive.add_text("README.txt", _readme(missing))
        if missing:
            _log.error("data_export_incomplete", export_id=export.id, missing=len(missing))

    async def _rows(
        self, user_id: UserId, holding: Holding, missing: list[str]
    ) -> AsyncGenerator[Sequence[Mapping[str, Any]]]:
        odd = 0
        told = self._told_webhook if holding is WEBHOOKS else holding.told
        async with self._read() as read, aclosing(read.personal_data.pages(user_id, holding, told)) as pages:
            async for page in pages:
                odd += page.odd
                yield page.rows
        if odd:
            missing.append(f"{holding.table.name}.json: {odd} entries could not be read")

    def _told_webhook(self, row: Row) -> Sequence[Row]:
        tell = self._told_webhooks.get(row["provider"])
        contents = tell(row["raw"]) if tell is not None else None
        if contents is None:
            return []
        return [{**{name: value for name, value in row.items() if name != "raw"}, "contents": contents}]

    async def _uploads(self, user_id: UserId) -> AsyncIterator[Upload]:
        after = ""
        while True:
            async with self._read() as read:
                page = await read.uploads.of_user(user_id, [UploadStatus.STORED], limit=_FILES_AT_ONCE, after=after)
            for upload in page:
                yield upload
            if len(page) < _FILES_AT_ONCE:
                return
            after = page[-1].id

    async def _add_file(self, archive: ExportArchive, upload: Upload, export: DataExport) -> bool:
        """Gives False where the file is not to be had. A method of its own, so that one file at a time is in memory."""
        body = await self._body(upload, export)
        if body is not None:
            await archive.add_file(f"files/{upload.id}-{upload.order.file_name}", body)
        return body is not None

    async def _body(self, upload: Upload, export: DataExport) -> bytes | None:
        """The bytes of a file, None where its store has no such file or does not give this one.

        Raises Unavailable where the store is away as a whole, and does not answer about another object either.
        """
        target = ObjectKey(Bucket.UPLOADS, upload.object_key)
        if upload.vendor not in self._stores.names:
            return None
        store = self._stores[upload.vendor]
        for _ in range(2):
            try:
                return await store.read(target, at_most_bytes=MAX_BYTES)
            except Unavailable:
                await store.head(ObjectKey(Bucket.EXPORTS, export.object_key))
        return None


def _readme(missing: Sequence[str]) -> str:
    if not missing:
        return _README
    lines = "".join(f"- {line}\n" for line in missing)
    return f"{_README}\nMissing, since it could not be read; ask Drop for it, or for another export later:\n{lines}"
