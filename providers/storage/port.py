"""File storage: presigned addresses for clients, and the gateway's own reads and writes of stored objects."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final, Protocol

# A part of a file that is sent at once. S3 takes no part under 5 MiB but the last.
PART_BYTES: Final = 8 * 1024 * 1024
_CHECKSUM: Final = "x-amz-checksum-sha256"


class Bucket(StrEnum):
    """The buckets by purpose: users' uploads, their data exports, and files that anybody may read."""

    UPLOADS = "uploads"
    EXPORTS = "exports"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """Where an object is. `key` is its path in the bucket, such as uploads/upl_1."""

    bucket: Bucket
    key: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What a client says that it will upload. `sha256` is in hex. The signature covers all three."""

    content_type: str
    size_bytes: int
    sha256: str

    @property
    def checksum(self) -> str:
        """The digest in base64, as S3's headers want it."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the PUT. Without `if-none-match` the address could overwrite the file until it expires."""
        return {"content-type": self.content_type, _CHECKSUM: self.checksum, "if-none-match": "*"}


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """A PUT that any HTTP client can send, with exactly these headers. `url` may be a path on the gateway's host."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store says about an object. `sha256` is in hex, None if the store did not keep a digest."""

    content_type: str
    size_bytes: int
    sha256: str | None


class ObjectStore(Protocol):
    """An object store with presigned addresses. Source: docs/vendors/s3.md."""

    def presign_upload(self, target: ObjectKey, declared: Declared, *, expires_in_s: int) -> PresignedUpload:
        """An address for one PUT of exactly the declared file, for `expires_in_s` seconds. Calls no vendor."""

    def presign_download(self, target: ObjectKey, *, file_name: str, content_type: str, expires_in_s: int) -> str:
        """An address that gives the object as an attachment, for `expires_in_s` seconds. Calls no vendor."""

    async def put(self, target: ObjectKey, body: bytes, content_type: str) -> None:
        """Store an object, over an existing one too. Safe to repeat. Raises Unavailable."""

    async def put_file(self, target: ObjectKey, file: BinaryIO, content_type: str) -> None:
        """Store a file from its beginning, part by part, over an existing object too.

        Not one byte is to be had before the last part has come. Safe to repeat. Raises Unavailable.
        """

    async def head(self, target: ObjectKey) -> StoredObject | None:
        """What is stored at `target`, None if there is no object. Safe to repeat. Raises Unavailable."""

    async def read(self, target: ObjectKey, *, at_most_bytes: int) -> bytes | None:
        """The first `at_most_bytes` bytes, None if there is no object. Safe to repeat. Raises Unavailable."""

    async def delete(self, target: ObjectKey) -> None:
        """Delete the object, if there is one. Safe to repeat. Raises Unavailable."""
