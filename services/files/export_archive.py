"""The ZIP of a data export, written piece by piece into a file: neither memory nor the loop carries the whole."""

import json
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, Self

from anyio.to_thread import run_sync

# Pictures and PDFs are packed already.
_AS_THEY_ARE: Final = zipfile.ZIP_STORED


class ExportArchive:
    """Members are added one after another, each in a worker thread. Use it as an async context manager."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)

    async def add_text(self, name: str, text: str) -> None:
        await run_sync(self._zip.writestr, name, text)

    async def add_file(self, name: str, body: bytes) -> None:
        await run_sync(self._zip.writestr, name, body, _AS_THEY_ARE)

    async def add_rows(self, name: str, pages: AsyncIterator[Sequence[Mapping[str, Any]]]) -> None:
        """A JSON array of the rows of all pages."""
        member = await run_sync(lambda: self._zip.open(name, "w", force_zip64=True))
        between = b"[\n"
        try:
            async for rows in pages:
                if rows:
                    await run_sync(_write, member, between, rows)
                    between = b",\n"
            await run_sync(member.write, b"[]\n" if between == b"[\n" else b"\n]\n")
        finally:
            await run_sync(member.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write the ZIP's table of contents, without which no program can open it."""
        await run_sync(self._zip.close)


def _write(member: Any, between: bytes, rows: Sequence[Mapping[str, Any]]) -> None:
    member.write(between + ",\n".join(json.dumps(row, ensure_ascii=False, indent=2) for row in rows).encode())
