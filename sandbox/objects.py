"""The object store: files behind presigned addresses, which are checked. It refuses as S3 does."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

_LAST: Final = 10**12 - 1


@dataclass(frozen=True, slots=True)
class StoredFile:
    content_type: str
    body: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def check_address(world: World, method: str, path: str, query: Mapping[str, str]) -> None:
    """Raises Refused (403) for an address that has expired or was changed after it was signed."""
    bound = {name: value for name, value in query.items() if name != "signature"}
    text = "\n".join([method, path, *(f"{name}={bound[name]}" for name in sorted(bound))])
    expected = hmac.new(world.settings.storage_signing_key.encode(), text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
        raise Refused(403, "SignatureDoesNotMatch", "The address was not signed for this request.")
    if int(bound["expires"]) < world.now.timestamp():
        raise Refused(403, "AccessDenied", "Request has expired")


async def put_presigned(
    world: World, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> None:
    """A client's PUT. Raises Refused for another type, length or checksum, and for a second upload."""
    if headers.get("content-type") != query["type"]:
        raise Refused(403, "SignatureDoesNotMatch", "content-type is not the one that was signed.")
    if headers.get("x-amz-checksum-sha256") != query["sha256"]:
        raise Refused(403, "SignatureDoesNotMatch", "x-amz-checksum-sha256 is not the one that was signed.")
    if len(body) != int(query["size"]):
        raise Refused(403, "SignatureDoesNotMatch", "content-length is not the one that was signed.")
    if base64.b64encode(hashlib.sha256(body).digest()).decode() != query["sha256"]:
        raise Refused(400, "BadDigest", "The body does not match the checksum.")
    async with world.store.transaction(has_files=True):
        if await world.store.stored_object(path) is not None:
            raise Refused(412, "PreconditionFailed", "There is an object already.")
        await world.store.put_object(path, query["type"], body)


async def put(world: World, path: str, document: Document) -> None:
    """The product's own upload of an export."""
    async with world.store.transaction(has_files=True):
        await world.store.put_object(path, document["contentType"], base64.b64decode(document["body"]))


async def put_part(world: World, path: str, document: Document) -> None:
    """A part of the product's own upload. The object is there once the last part has come. A part may be repeated."""
    start, body = document["start"], base64.b64decode(document["body"])
    async with world.store.transaction(has_files=True):
        await world.store.put_object(_part_of(path, start), document["contentType"], body)
        if document["ends"]:
            await world.store.join_objects(_part_of(path), _part_of(path, start), path)


async def read(world: World, path: str, start: int, limit: int) -> bytes:
    """A part of an object. Raises Refused (404)."""
    found = await world.store.part_of_object(path, start, limit)
    if found is None:
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")
    return found


async def get(world: World, path: str) -> StoredFile:
    found = await world.store.stored_object(path)
    if found is None:
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")
    return StoredFile(*found)


async def delete(world: World, path: str) -> None:
    async with world.store.transaction():
        await world.store.delete_object(path)
        await world.store.delete_objects(_part_of(path), _part_of(path, _LAST))


def _part_of(path: str, start: int = 0) -> str:
    """Where a part waits for the last one. The parts of an object stand in order."""
    return f"{path}.parts/{start:012}"


def disposition(file_name: str) -> str:
    """Always an attachment, whatever its type (RFC 6266; RFC 8187 for other letters)."""
    return f"attachment; filename*=UTF-8''{quote(file_name, safe='')}"
