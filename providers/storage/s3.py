"""S3, or any store that speaks it. Source: docs/vendors/s3.md.

boto3 is synchronous, so every call runs in a thread. Presigning needs no thread, since it calls no vendor.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypedDict, TypeVar
from urllib.parse import quote, urlsplit

import anyio
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, Field, SecretStr

from domain.errors import Unavailable
from providers.calling.guard import Guard, Resilience, VendorTrouble
from providers.calling.own_hosts import check_host_at_once
from providers.declaration import Tools, Vendor
from providers.setting_types import secret_of
from providers.storage.port import PART_BYTES, Bucket, Declared, ObjectKey, PresignedUpload, StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

    class ObjectTypeDef(TypedDict):
        """An object's bucket and key, as boto3's parameters name them."""

        Bucket: str
        Key: str


Result = TypeVar("Result")
# Room for the SDK's own three tries, each with 2 s to connect and 5 s to answer, and the pauses between them.
RESILIENCE: Final = Resilience(timeout_s=30, breaker_failures=10, breaker_open_s=30)
RETRIED: Final[frozenset[str]] = frozenset()  # the SDK retries by itself

_ATTEMPTS: Final = 3
# Calls at the same time; further calls wait for a thread.
_THREADS: Final = 16
_NOT_FOUND: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_LATER: Final = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"})


class S3Settings(BaseModel):
    """The buckets, and who may use them."""

    s3_region: str = Field(default="eu-north-1", description="The region of the buckets.")
    s3_api_url: str | None = Field(
        default=None, description="A store of one's own that speaks S3; without it, Amazon's in the region."
    )
    s3_uploads_bucket: str | None = Field(default=None, description="S3 bucket of users' documents. Private.")
    s3_exports_bucket: str | None = Field(default=None, description="S3 bucket of users' data exports. Private.")
    s3_public_bucket: str | None = Field(default=None, description="S3 bucket of what everybody may read.")
    aws_access_key_id: str | None = Field(
        default=None, description="A key for the buckets; without it the default chain, such as an IAM role."
    )
    aws_secret_access_key: SecretStr | None = Field(default=None, description="The key's secret.")


def s3_client(*, region: str, endpoint_url: str | None, access_key: str | None, secret_key: str | None) -> "S3Client":
    """An S3 client. Without keys boto3 looks for credentials itself, such as an IAM role.

    `endpoint_url` names another store that speaks S3. Such a store has no host per bucket, so the bucket goes into the
    path.
    """
    # Imported here, because the import takes a quarter of a second that mock mode must not pay.
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=_THREADS,
        # Without it presigned addresses name the global host, which does not know new buckets of other regions.
        s3={"addressing_style": "path" if endpoint_url else "virtual"},
    )
    client = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    )
    if endpoint_url:
        client.meta.events.register("before-send.s3", _check_store)
    return client


def _check_store(request: Any, **_: Any) -> None:
    """Raises OSError where the store's name leads to a link-local address. Runs in a thread of the client's."""
    check_host_at_once(urlsplit(request.url).hostname or "")


class S3ObjectStore:
    """Files in S3 or at any S3-compatible endpoint. `buckets` are the names of the buckets at the vendor."""

    def __init__(self, client: "S3Client", guard: Guard, *, buckets: Mapping[Bucket, str]) -> None:
        self._client = client
        self._guard = guard
        self._buckets = buckets
        self._threads = anyio.CapacityLimiter(_THREADS)

    def presign_upload(self, target: ObjectKey, declared: Declared, *, expires_in_s: int) -> PresignedUpload:
        bound = {
            "ContentType": declared.content_type,
            "ContentLength": declared.size_bytes,
            "ChecksumSHA256": declared.checksum,
            "IfNoneMatch": "*",
        }
        url = self._client.generate_presigned_url(
            "put_object", Params={**self._at(target), **bound}, ExpiresIn=expires_in_s
        )
        return PresignedUpload(url, declared.headers)

    def presign_download(self, target: ObjectKey, *, file_name: str, content_type: str, expires_in_s: int) -> str:
        shown = {
            # Always an attachment, or a browser would run an uploaded page (RFC 6266; RFC 8187 for non-ASCII names).
            "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(file_name, safe='')}",
            "ResponseContentType": content_type,
        }
        return self._client.generate_presigned_url(
            "get_object", Params={**self._at(target), **shown}, ExpiresIn=expires_in_s
        )

    async def put(self, target: ObjectKey, body: bytes, content_type: str) -> None:
        await self._call(
            "put", lambda: self._client.put_object(**self._at(target), Body=body, ContentType=content_type)
        )

    async def put_file(self, target: ObjectKey, file: BinaryIO, content_type: str) -> None:
        await anyio.to_thread.run_sync(file.seek, 0, limiter=self._threads)
        first = await self._part(file)
        if len(first) < PART_BYTES:
            await self.put(target, first, content_type)
            return
        begun = await self._call(
            "put", lambda: self._client.create_multipart_upload(**self._at(target), ContentType=content_type)
        )
        upload_id = begun["UploadId"]
        try:
            await self._put_parts(target, upload_id, file, first)
        except BaseException:
            # Parts that nobody completes would be kept, and paid for, for ever.
            with anyio.CancelScope(shield=True), suppress(Unavailable):
                await self._call(
                    "put", lambda: self._client.abort_multipart_upload(**self._at(target), UploadId=upload_id)
                )
            raise

    async def _put_parts(self, target: ObjectKey, upload_id: str, file: BinaryIO, first: bytes) -> None:
        sent: list[CompletedPartTypeDef] = []
        body = first
        while body:
            number = len(sent) + 1
            answer = await self._call(
                "put",
                lambda body=body, number=number: self._client.upload_part(  # type: ignore[misc]
                    **self._at(target), UploadId=upload_id, PartNumber=number, Body=body
                ),
            )
            sent.append({"PartNumber": number, "ETag": answer["ETag"]})
            body = await self._part(file)
        await self._call(
            "put",
            lambda: self._client.complete_multipart_upload(
                **self._at(target), UploadId=upload_id, MultipartUpload={"Parts": sent}
            ),
        )

    async def _part(self, file: BinaryIO) -> bytes:
        return await anyio.to_thread.run_sync(file.read, PART_BYTES, limiter=self._threads)

    async def head(self, target: ObjectKey) -> StoredObject | None:
        found = await self._found("head", lambda: self._client.head_object(**self._at(target), ChecksumMode="ENABLED"))
        if found is None:
            return None
        checksum = found.get("ChecksumSHA256")
        sha256 = base64.b64decode(checksum).hex() if checksum else None
        return StoredObject(found["ContentType"], found["ContentLength"], sha256)

    async def read(self, target: ObjectKey, *, at_most_bytes: int) -> bytes | None:
        def beginning() -> bytes:
            with closing(self._client.get_object(**self._at(target))["Body"]) as body:
                return bytes(body.read(at_most_bytes))

        return await self._found("read", beginning)

    async def delete(self, target: ObjectKey) -> None:
        await self._call("delete", lambda: self._client.delete_object(**self._at(target)))

    async def check(self) -> None:
        """Check that every bucket exists and can be read with our credentials. Raises Unavailable."""
        for bucket in self._buckets.values():
            if await self._found("check", lambda name=bucket: self._client.head_bucket(Bucket=name)) is None:  # type: ignore[misc]
                raise Unavailable("storage", f"there is no bucket {bucket}")

    def _at(self, target: ObjectKey) -> "ObjectTypeDef":
        return {"Bucket": self._buckets[target.bucket], "Key": target.key}

    async def _found(self, operation: str, send: Callable[[], Result]) -> Result | None:
        """The answer, None if the store has no such object."""

        def none_if_missing() -> Result | None:
            try:
                return send()
            except ClientError as error:
                if _code(error) in _NOT_FOUND:
                    return None
                raise

        return await self._call(operation, none_if_missing)

    async def _call(self, operation: str, send: Callable[[], Result]) -> Result:
        try:
            return await self._guard.call(
                operation,
                lambda: anyio.to_thread.run_sync(lambda: _sent(send), limiter=self._threads, abandon_on_cancel=True),
            )
        except ClientError as error:
            # Whatever it is, no user has a part in it: keys, permissions, or a bucket that is not there.
            raise self._guard.refused(_status(error), _code(error), is_ours=True) from None


def _sent(send: Callable[[], Result]) -> Result:
    """Raises VendorTrouble if a repeat may help, else the SDK's ClientError."""
    try:
        return send()
    except ClientError as error:
        if _status(error) >= 500 or _status(error) == 429 or _code(error) in _LATER:
            raise VendorTrouble(_code(error)) from None
        raise
    except (BotoCoreError, OSError) as error:
        raise VendorTrouble(type(error).__name__) from None


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))[:64]


def _build(settings: S3Settings, tools: Tools) -> S3ObjectStore:
    client = s3_client(
        region=settings.s3_region,
        endpoint_url=settings.s3_api_url,
        access_key=settings.aws_access_key_id,
        secret_key=secret_of(settings.aws_secret_access_key) or None,
    )
    buckets = {
        Bucket.UPLOADS: settings.s3_uploads_bucket or "",
        Bucket.EXPORTS: settings.s3_exports_bucket or "",
        Bucket.PUBLIC: settings.s3_public_bucket or "",
    }
    adapter = S3ObjectStore(client, tools.guard(RESILIENCE, RETRIED), buckets=buckets)
    tools.add_check(adapter.check)
    return adapter


def _problems(settings: S3Settings) -> Sequence[str]:
    if (settings.aws_access_key_id is None) is not (settings.aws_secret_access_key is None):
        return ["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or neither."]
    return []


VENDOR: Final = Vendor(
    "s3",
    S3Settings,
    _build,
    needs=("s3_uploads_bucket", "s3_exports_bucket", "s3_public_bucket"),
    problems=_problems,
)
