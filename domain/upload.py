"""Files of a user: what may be uploaded, and how far an upload has come."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.errors import InvalidState, Refusal, Refusals
from domain.ids import UploadId, UserId
from domain.input import fault, is_readable

LINK_LIFETIME: Final = timedelta(seconds=900)
MAX_BYTES: Final = 10 * 1024 * 1024
MAX_FILE_NAME: Final = 255
# How many uploads a user may have PENDING.
MAX_PENDING: Final = 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NOT_IN_NAMES: Final = re.compile(r'[/\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class FileType:
    """A type of file that users may upload. `names` are the endings that a file's name may have.

    `begins` matches the first bytes: a stored file of this type starts so, whatever was declared.
    """

    extension: str
    names: tuple[str, ...]
    begins: re.Pattern[bytes]


TYPES: Final[Mapping[str, FileType]] = {
    "image/jpeg": FileType("jpg", ("jpg", "jpeg"), re.compile(rb"\xff\xd8\xff")),
    "image/png": FileType("png", ("png",), re.compile(rb"\x89PNG\r\n\x1a\n")),
    "image/webp": FileType("webp", ("webp",), re.compile(rb"RIFF.{4}WEBP", re.S)),
    # Readers look for the header in the first 1,024 bytes, and some programs write something before it.
    "application/pdf": FileType("pdf", ("pdf",), re.compile(rb".{0,1019}%PDF-", re.S)),
}
FIRST_BYTES: Final = 1_024


class UploadPurpose(StrEnum):
    """What a file is for, which decides the types that are allowed."""

    AVATAR = "AVATAR"
    RECEIPT = "RECEIPT"
    DOCUMENT = "DOCUMENT"


_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
_ALLOWED: Final[Mapping[UploadPurpose, frozenset[str]]] = {
    UploadPurpose.AVATAR: _IMAGES,
    UploadPurpose.RECEIPT: _IMAGES | {"application/pdf"},
    UploadPurpose.DOCUMENT: frozenset({"application/pdf", "image/jpeg", "image/png"}),
}


class UploadStatus(StrEnum):
    """How far an upload has come. PENDING waits for the client to send the file to the object store."""

    PENDING = "PENDING"
    STORED = "STORED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"


class RejectReason(StrEnum):
    """How the stored object differs from what the client declared."""

    SIZE_DIFFERS = "SIZE_DIFFERS"
    TYPE_DIFFERS = "TYPE_DIFFERS"
    CHECKSUM_DIFFERS = "CHECKSUM_DIFFERS"
    CONTENT_IS_ANOTHER_TYPE = "CONTENT_IS_ANOTHER_TYPE"


_NEXT: Final[Mapping[UploadStatus, frozenset[UploadStatus]]] = {
    UploadStatus.PENDING: frozenset(UploadStatus) - {UploadStatus.PENDING},
    UploadStatus.STORED: frozenset({UploadStatus.DELETED}),
    UploadStatus.REJECTED: frozenset({UploadStatus.DELETED}),
    UploadStatus.EXPIRED: frozenset({UploadStatus.DELETED}),
    UploadStatus.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class UploadOrder:
    """What a client declares, checked. `sha256` is in hex, in lower case."""

    purpose: UploadPurpose
    file_name: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a user, in the object store under `object_key`. `expires_at` ends the wait for the client's file."""

    id: UploadId
    user_id: UserId
    vendor: str
    order: UploadOrder
    object_key: str
    created_at: datetime
    expires_at: datetime
    status: UploadStatus = UploadStatus.PENDING
    reject_reason: RejectReason | None = None
    stored_at: datetime | None = None
    version: int = 1

    def become(self, status: UploadStatus, at: datetime, reason: RejectReason | None = None) -> "Upload":
        """Take a status; the same object where nothing changes. Raises InvalidState where the status may not follow."""
        if status is self.status:
            return self
        if status not in _NEXT[self.status]:
            raise InvalidState(f"The upload is {self.status}.", field=("input", "id"), text="UPLOAD_ENDED")
        stored_at = at if status is UploadStatus.STORED else self.stored_at
        reject_reason = reason or self.reject_reason
        return replace(self, status=status, reject_reason=reject_reason, stored_at=stored_at, version=self.version + 1)


def upload_order(
    purpose: UploadPurpose, *, file_name: str, content_type: str, size_bytes: int, sha256: str
) -> UploadOrder:
    """Check a declaration against every rule. Raises Refusals with all faults."""
    faults: list[Refusal] = []
    kind = TYPES.get(content_type)
    if kind is None or content_type not in _ALLOWED[purpose]:
        allowed = ", ".join(sorted(_ALLOWED[purpose]))
        faults.append(fault("UNSUPPORTED_FILE_TYPE", f"Send one of {allowed}.", "contentType"))
    _check_name(file_name, kind, faults)
    if not 0 < size_bytes <= MAX_BYTES:
        message = f"Send 1 to {MAX_BYTES} bytes."
        faults.append(
            fault(
                "INVALID_FILE_SIZE", message, "sizeBytes", text="FILE_SIZE", values={"largest_mb": MAX_BYTES // 1024**2}
            )
        )
    sha256 = sha256.lower()
    if not _SHA256.fullmatch(sha256):
        faults.append(fault("INVALID_CHECKSUM", "Give the SHA-256 of the file as 64 hexadecimal digits.", "sha256"))
    if faults:
        raise Refusals(faults)
    return UploadOrder(purpose, file_name, content_type, size_bytes, sha256)


def _check_name(name: str, kind: FileType | None, faults: list[Refusal]) -> None:
    is_plain = is_readable(name) and not _NOT_IN_NAMES.search(name) and name == name.strip().strip(".")
    if not name or len(name) > MAX_FILE_NAME or not is_plain:
        message = f"Give 1 to {MAX_FILE_NAME} printable characters, without a path."
        faults.append(fault("INVALID_FILE_NAME", message, "fileName"))
    elif kind is not None and name.rpartition(".")[2].lower() not in kind.names:
        message = f"The name must end as its type does: .{kind.extension}"
        faults.append(
            fault("INVALID_FILE_NAME", message, "fileName", text="FILE_NAME_ENDING", values={"ending": kind.extension})
        )


def fault_of(
    order: UploadOrder, *, size_bytes: int, content_type: str, sha256: str | None, first: bytes
) -> RejectReason | None:
    """How the stored object differs from what was declared; None where it does not. `first` are its first bytes."""
    if size_bytes != order.size_bytes:
        return RejectReason.SIZE_DIFFERS
    if content_type != order.content_type:
        return RejectReason.TYPE_DIFFERS
    if sha256 is not None and sha256.lower() != order.sha256:
        return RejectReason.CHECKSUM_DIFFERS
    if not TYPES[order.content_type].begins.match(first):
        return RejectReason.CONTENT_IS_ANOTHER_TYPE
    return None
