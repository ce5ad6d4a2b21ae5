"""The contract of file storage."""

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx
import pytest

from domain.errors import Unavailable
from providers.storage import mock
from providers.storage.port import Bucket, Declared, ObjectKey, ObjectStore, PresignedUpload, StoredObject
from tests.builders.gateway import BASE
from tests.builders.line import Line
from tests.builders.sandbox import STORAGE_KEY, Sandbox

BODY = b"%PDF-1.7 a receipt"
KEY = ObjectKey(Bucket.UPLOADS, "usr_kari/01J.pdf")
DECLARED = Declared("application/pdf", len(BODY), hashlib.sha256(BODY).hexdigest())


@dataclass
class AtStore:
    adapter: ObjectStore
    sandbox: Sandbox

    async def put(self, target: PresignedUpload, body: bytes = BODY, **changes: str) -> int:
        headers = {**target.headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
        response = await self.sandbox.pages.put(urljoin(BASE, target.url), content=body, headers=headers)
        return response.status_code

    async def get(self, url: str) -> httpx.Response:
        return await self.sandbox.pages.get(urljoin(BASE, url))


@pytest.fixture(params=["mock"])
def store(sandbox: Sandbox) -> AtStore:
    client = sandbox.client("storage", mock)
    return AtStore(mock.MockObjectStore(client, signing_key=STORAGE_KEY, clock=sandbox.clock), sandbox)


def presigned(store: AtStore) -> PresignedUpload:
    return store.adapter.presign_upload(KEY, DECLARED, expires_in_s=900)


async def test_what_was_declared_is_taken_once_and_described(store: AtStore) -> None:
    target = presigned(store)
    assert await store.adapter.head(KEY) is None
    assert await store.adapter.read(KEY, at_most_bytes=5) is None

    assert await store.put(target) == 200
    assert await store.put(target) == 412

    assert await store.adapter.head(KEY) == StoredObject("application/pdf", len(BODY), DECLARED.sha256)
    assert await store.adapter.read(KEY, at_most_bytes=5) == b"%PDF-"


async def test_another_type_length_checksum_or_moment_is_refused(store: AtStore) -> None:
    target = presigned(store)
    other = base64.b64encode(hashlib.sha256(BODY[::-1]).digest()).decode()

    assert await store.put(target, content_type="text/html") == 403
    assert await store.put(target, BODY + b"!") == 403
    assert await store.put(target, BODY[::-1]) == 400
    assert await store.put(target, BODY[::-1], x_amz_checksum_sha256=other) == 403
    await store.sandbox.advance(seconds=901)
    assert await store.put(target) == 403
    assert await store.adapter.head(KEY) is None


async def test_a_download_is_an_attachment_under_its_own_name(store: AtStore) -> None:
    await store.adapter.put(KEY, BODY, "application/pdf")

    url = store.adapter.presign_download(KEY, file_name="blå.pdf", content_type="application/pdf", expires_in_s=900)
    response = await store.get(url)

    assert response.content == BODY
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''bl%C3%A5.pdf"
    assert (await store.get(url.replace("usr_kari", "usr_ola"))).status_code == 403


@pytest.mark.parametrize("bucket", Bucket)
async def test_writing_and_deleting_are_safe_to_repeat_in_every_bucket(store: AtStore, bucket: Bucket) -> None:
    target = ObjectKey(bucket, KEY.key)
    for body in (b"first", BODY):
        await store.adapter.put(target, body, "application/pdf")
    assert await store.adapter.read(target, at_most_bytes=100) == BODY

    for _ in range(2):
        await store.adapter.delete(target)

    assert await store.adapter.head(target) is None


async def test_a_lost_answer_is_asked_for_again_and_silence_is_unavailable(store: AtStore, line: Line) -> None:
    line.cut_after_request()
    await store.adapter.put(KEY, BODY, "application/pdf")

    line.cut()
    with pytest.raises(Unavailable):
        await store.adapter.head(KEY)
