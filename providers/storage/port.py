"""Files: presigned addresses for clients, and what the gateway itself does with stored objects."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

_CHECKSUM: Final = "x-amz-checksum-sha256"


class Bucket(StrEnum):
    UPLOADS = "uploads"
    EXPORTS = "exports"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class ObjectKey:
    bucket: Bucket
    key: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What a client says that it will upload. `sha256` is in hex; all three are bound into the signature."""

    content_type: str
    size_bytes: int
    sha256: str

    @property
    def checksum(self) -> str:
        """The digest as S3's headers spell it: in base64."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()

    @property
    def headers(self) -> Mapping[str, str]:
        """What the PUT has to carry; without `if-none-match` its address would write again and again."""
        return {"content-type": self.content_type, _CHECKSUM: self.checksum, "if-none-match": "*"}


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """A PUT that any HTTP client can send, with exactly these headers. The address may be a path of this host."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`sha256` is in hex, None where the store did not keep one."""

    content_type: str
    size_bytes: int
    sha256: str | None


class ObjectStore(Protocol):
    def presign_upload(self, target: ObjectKey, declared: Declared, *, expires_in_s: int) -> PresignedUpload:
        """Once, until it expires, and for what was declared alone. No network."""

    def presign_download(self, target: ObjectKey, *, file_name: str, content_type: str, expires_in_s: int) -> str:
        """An address that gives the object as an attachment. No network."""

    async def put(self, target: ObjectKey, body: bytes, content_type: str) -> None:
        """Safe to repeat. Raises Unavailable."""

    async def head(self, target: ObjectKey) -> StoredObject | None:
        """What is stored there, None where nothing is. Raises Unavailable."""

    async def read(self, target: ObjectKey, *, at_most_bytes: int) -> bytes | None:
        """The beginning of the object, None where there is none. Raises Unavailable."""

    async def delete(self, target: ObjectKey) -> None:
        """Safe to repeat. Raises Unavailable."""
