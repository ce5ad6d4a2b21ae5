"""The contract of file storage."""

import base64
import hashlib
import io
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from domain.errors import Unavailable
from providers.calling.guard import Guard
from providers.storage import mock, s3
from providers.storage.port import PART_BYTES, Bucket, Declared, ObjectKey, ObjectStore, PresignedUpload, StoredObject
from tests.builders.counterpart import HANG, answer, counterpart
from tests.builders.gateway import BASE
from tests.builders.sandbox import STORAGE_KEY, Sandbox
from tests.contract.conftest import NOON
from tests.vendors import s3 as s3_face

BUCKETS: Final = {bucket: f"drop-{bucket}-test" for bucket in Bucket}

BODY = b"%PDF-1.7 a receipt"
KEY = ObjectKey(Bucket.UPLOADS, "usr_kari/01J.pdf")
DECLARED = Declared("application/pdf", len(BODY), hashlib.sha256(BODY).hexdigest())


@dataclass
class AtStore:
    """`lose_one_answer` and `cut` are the harm that a test may do."""

    adapter: ObjectStore
    sandbox: Sandbox
    http: httpx.AsyncClient
    lose_one_answer: Callable[[], None]
    cut: Callable[[], None]

    async def put(self, target: PresignedUpload, body: bytes = BODY, **changes: str) -> int:
        headers = {**target.headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
        response = await self.http.put(urljoin(BASE, target.url), content=body, headers=headers)
        return response.status_code

    async def get(self, url: str) -> httpx.Response:
        return await self.http.get(urljoin(BASE, url))


def serving(sandbox: Sandbox) -> AbstractAsyncContextManager[s3_face.Store]:
    real = datetime.now(UTC)
    return s3_face.s3_store(lambda: real + (sandbox.clock.now() - NOON), list(BUCKETS.values()))


@pytest.fixture
async def s3_server(sandbox: Sandbox) -> AsyncIterator[s3_face.Store]:
    async with serving(sandbox) as server:
        yield server


def at_s3(server: s3_face.Store, secret_key: str = s3_face.SECRET_KEY) -> s3.S3ObjectStore:
    client = s3.s3_client(
        region=s3_face.REGION, endpoint_url=server.url, access_key=s3_face.ACCESS_KEY, secret_key=secret_key
    )
    return s3.S3ObjectStore(client, Guard("storage", s3.RESILIENCE, s3.RETRIED), buckets=BUCKETS)


@pytest.fixture(params=["mock", "s3"])
async def store(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[AtStore]:
    if request.param == "mock":
        client = sandbox.client("storage", mock)
        adapter = mock.MockObjectStore(client, signing_key=STORAGE_KEY, clock=sandbox.clock)
        yield AtStore(adapter, sandbox, sandbox.pages, sandbox.line.cut_after_request, sandbox.line.cut)
        return
    async with httpx.AsyncClient() as http, serving(sandbox) as s3_server:
        yield AtStore(
            at_s3(s3_server),
            sandbox,
            http,
            lambda: setattr(s3_server, "loses_answers", 1),
            lambda: setattr(s3_server, "down", True),
        )


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


async def test_a_large_file_is_stored_part_by_part_and_read_from_any_place(store: AtStore) -> None:
    large = random.Random(0).randbytes(PART_BYTES + 300)
    for body in (large[:-1], b"", large):
        await store.adapter.put_file(KEY, io.BytesIO(body), "application/zip")
        stored = await store.adapter.head(KEY)
        assert stored is not None
        assert (stored.content_type, stored.size_bytes) == ("application/zip", len(body))

    assert await store.adapter.read(KEY, at_most_bytes=len(large) + 1) == large


async def test_of_a_file_that_could_not_be_stored_whole_nothing_is_there(store: AtStore) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError
            return super().read(size)

    with pytest.raises(OSError):
        await store.adapter.put_file(KEY, Torn(bytes(PART_BYTES + 1)), "application/zip")

    assert await store.adapter.head(KEY) is None


async def test_a_lost_answer_is_asked_for_again_and_silence_is_unavailable(store: AtStore) -> None:
    store.lose_one_answer()
    await store.adapter.put(KEY, BODY, "application/pdf")

    store.cut()
    with pytest.raises(Unavailable):
        await store.adapter.head(KEY)


async def test_every_bucket_is_checked_and_a_missing_one_named(s3_server: s3_face.Store) -> None:
    adapter = at_s3(s3_server)
    await adapter.check()

    adapter._buckets = {Bucket.UPLOADS: "nowhere"}
    with pytest.raises(Unavailable, match="there is no bucket nowhere"):
        await adapter.check()


async def test_an_address_signed_with_another_secret_writes_nothing(s3_server: s3_face.Store) -> None:
    target = at_s3(s3_server, "another").presign_upload(KEY, DECLARED, expires_in_s=900)
    async with httpx.AsyncClient() as http:
        response = await http.put(target.url, content=BODY, headers=dict(target.headers))

    assert response.status_code == 403
    assert await at_s3(s3_server).head(KEY) is None


def test_an_address_names_the_buckets_own_host_and_what_was_declared() -> None:
    client = s3.s3_client(region="eu-north-1", endpoint_url=None, access_key="AKIA1", secret_key="s")
    store = s3.S3ObjectStore(client, Guard("storage", s3.RESILIENCE, s3.RETRIED), buckets=BUCKETS)
    target = urlsplit(store.presign_upload(KEY, DECLARED, expires_in_s=900).url)

    assert target.hostname == "drop-uploads-test.s3.eu-north-1.amazonaws.com"
    assert parse_qs(target.query)["X-Amz-SignedHeaders"] == [
        "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    ]


@pytest.mark.parametrize(
    ("said", "requests", "is_counted"),
    [
        (answer(503, "<Error><Code>SlowDown</Code></Error>"), 3, True),
        (answer(500), 3, True),
        (answer(403, "<Error><Code>AccessDenied</Code></Error>"), 1, False),
        (answer(400, "<Error><Code>InvalidAccessKeyId</Code></Error>"), 1, False),
        (b"", 3, True),
    ],
)
async def test_a_stores_trouble_is_tried_again_and_its_no_is_not(said: bytes, requests: int, is_counted: bool) -> None:
    async with counterpart(said) as vendor:
        client = s3.s3_client(region="eu-north-1", endpoint_url=vendor.url, access_key="A", secret_key="the-credential")
        guard = Guard("storage", replace(s3.RESILIENCE, breaker_failures=1), s3.RETRIED)
        store = s3.S3ObjectStore(client, guard, buckets=BUCKETS)
        with capture_logs() as logs, pytest.raises(Unavailable) as failed:
            await store.put(KEY, BODY, "application/pdf")

    assert len(vendor.requests) == requests
    assert guard.is_open is is_counted
    assert "the-credential" not in f"{logs} {failed.value!r}"


async def test_a_store_that_is_slow_is_given_up_and_opens_the_breaker_after_ten() -> None:
    async with counterpart(HANG) as vendor:
        client = s3.s3_client(region="eu-north-1", endpoint_url=vendor.url, access_key="A", secret_key="s")
        guard = Guard("storage", replace(s3.RESILIENCE, timeout_s=0.05), s3.RETRIED)
        store = s3.S3ObjectStore(client, guard, buckets=BUCKETS)
        for number in range(10):
            assert not guard.is_open, number
            with pytest.raises(Unavailable):
                await store.head(KEY)

        assert guard.is_open
