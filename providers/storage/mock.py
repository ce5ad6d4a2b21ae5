"""The sandbox's object store: it keeps real files, and checks the signatures of its addresses."""

import base64
import hashlib
import hmac
from typing import BinaryIO, Final
from urllib.parse import quote, urlencode

import anyio.to_thread
from pydantic import BaseModel, Field, SecretStr

from domain.clock import Clock
from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.declaration import MOCK, Tools, Vendor
from providers.setting_types import MOCK_SECRET
from providers.storage.port import Declared, ObjectKey, PresignedUpload, StoredObject

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=10, breaker_open_s=30, retry_after_s=(0.2, 0.4))
RETRIED: Final = frozenset({"put", "put_part", "head", "read", "delete"})


# Small, since the sandbox speaks JSON: a larger part would hold up the process that reads it.
_PART_BYTES: Final = 2 * 1024 * 1024


class MockStorageSettings(BaseModel):
    """The key of the mock object store."""

    mock_storage_key: SecretStr = Field(
        default=SecretStr(MOCK_SECRET), description="Signs the addresses of the mock object store."
    )


class MockObjectStore:
    """Stores objects in the sandbox. Its presigned addresses are paths under /sandbox/objects on the gateway's host."""

    def __init__(self, sandbox: SandboxClient, *, signing_key: str, clock: Clock) -> None:
        self._sandbox = sandbox
        self._signing_key = signing_key.encode()
        self._clock = clock

    def presign_upload(self, target: ObjectKey, declared: Declared, *, expires_in_s: int) -> PresignedUpload:
        bound = {"type": declared.content_type, "size": str(declared.size_bytes), "sha256": declared.checksum}
        return PresignedUpload(self._signed("PUT", target, bound, expires_in_s), declared.headers)

    def presign_download(self, target: ObjectKey, *, file_name: str, content_type: str, expires_in_s: int) -> str:
        return self._signed("GET", target, {"type": content_type, "name": file_name}, expires_in_s)

    async def put(self, target: ObjectKey, body: bytes, content_type: str) -> None:
        document = {"body": base64.b64encode(body).decode(), "contentType": content_type}
        await self._sandbox.post("put", _path(target), document)

    async def put_file(self, target: ObjectKey, file: BinaryIO, content_type: str) -> None:
        await anyio.to_thread.run_sync(file.seek, 0)
        start, ends = 0, False
        while not ends:
            part = await anyio.to_thread.run_sync(file.read, _PART_BYTES)
            ends = len(part) < _PART_BYTES
            body = base64.b64encode(part).decode()
            document = {"body": body, "contentType": content_type, "start": start, "ends": ends}
            await self._sandbox.post("put_part", f"{_path(target)}/parts", document)
            start += len(part)

    async def head(self, target: ObjectKey) -> StoredObject | None:
        try:
            answer = await self._sandbox.get("head", _path(target))
        except SandboxRefusal:
            return None
        return StoredObject(answer["contentType"], answer["size"], answer["sha256"])

    async def read(self, target: ObjectKey, *, at_most_bytes: int) -> bytes | None:
        read = bytearray()
        while len(read) < at_most_bytes:
            most = min(at_most_bytes - len(read), _PART_BYTES)
            try:
                answer = await self._sandbox.get("read", f"{_path(target)}/body", start=str(len(read)), limit=str(most))
            except SandboxRefusal:
                return None
            part = base64.b64decode(answer["body"])
            read += part
            if len(part) < most:
                break
        return bytes(read)

    async def delete(self, target: ObjectKey) -> None:
        await self._sandbox.delete("delete", _path(target))

    def _signed(self, method: str, target: ObjectKey, bound: dict[str, str], expires_in_s: int) -> str:
        query = {"expires": str(int(self._clock.now().timestamp()) + expires_in_s), **bound}
        text = "\n".join(
            [method, f"{target.bucket}/{target.key}", *(f"{name}={query[name]}" for name in sorted(query))]
        )
        query["signature"] = hmac.new(self._signing_key, text.encode(), hashlib.sha256).hexdigest()
        return f"/sandbox/objects/{target.bucket}/{quote(target.key)}?{urlencode(query)}"


def _path(target: ObjectKey) -> str:
    return f"/storage/{target.bucket}/{quote(target.key, safe='')}"


def _build(settings: MockStorageSettings, tools: Tools) -> MockObjectStore:
    key = settings.mock_storage_key.get_secret_value()
    return MockObjectStore(tools.sandbox(RESILIENCE, RETRIED), signing_key=key, clock=tools.clock)


VENDOR: Final = Vendor(MOCK, MockStorageSettings, _build)
