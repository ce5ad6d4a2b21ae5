"""S3 over HTTP, as docs/vendors/s3.md describes it: presigned requests are really checked, and moto keeps the objects.

moto takes any presigned request whatever was signed, so this stands before it.
"""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode

import boto3
import httpx
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.builders.port import port_of, started, stopped

ACCESS_KEY = "AKIACONTRACT"
SECRET_KEY = "contract-s3-secret"
REGION: Final = "eu-north-1"
CHECKSUM = "x-amz-checksum-sha256"
_SOMEBODY = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/s3/aws4_request"
_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass
class Store:
    """`now` is the store's time. `down` and `loses_answers` are what a test does to it."""

    now: Callable[[], datetime]
    moto: str
    url: str = ""
    down: bool = False
    loses_answers: int = 0
    checksums: dict[str, str] = field(default_factory=dict)


def _refusal(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code></Error>", status, media_type="application/xml")


def _is_signed(request: Request, query: dict[str, str]) -> bool:
    """SigV4 in the query, computed anew from what came (AWS: Authenticating Requests, Using Query Parameters)."""
    names = query["X-Amz-SignedHeaders"].split(";")
    if any(name not in request.headers for name in names):
        return False
    auth = S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    unsigned = {name: value for name, value in query.items() if name != "X-Amz-Signature"}
    host = str(request.url.replace(query=""))
    again = AWSRequest(
        request.method,
        f"{host}?{urlencode(unsigned, quote_via=quote, safe='-_.~')}",
        {name: request.headers[name] for name in names},
    )
    again.context["timestamp"] = query["X-Amz-Date"]
    canonical = auth.canonical_request(again)
    return auth.signature(auth.string_to_sign(again, canonical), again) == query["X-Amz-Signature"]


def _app(store: Store, moto: httpx.AsyncClient) -> Starlette:
    async def endpoint(request: Request) -> Response:
        if store.down:
            return _refusal(503, "ServiceUnavailable")
        query = {name: values[0] for name, values in parse_qs(request.url.query, keep_blank_values=True).items()}
        body = await request.body()
        if "X-Amz-Signature" in query and (refusal := _checked(request, query, body)) is not None:
            return refusal
        answer = await _forwarded(request, query, body)
        if store.loses_answers:
            store.loses_answers -= 1
            return _refusal(500, "InternalError")
        return answer

    def _checked(request: Request, query: dict[str, str], body: bytes) -> Response | None:
        signed_at = datetime.strptime(query["X-Amz-Date"], _FORMAT).replace(tzinfo=UTC)
        if store.now() > signed_at + timedelta(seconds=int(query["X-Amz-Expires"])):
            return _refusal(403, "AccessDenied")
        if not _is_signed(request, query):
            return _refusal(403, "SignatureDoesNotMatch")
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if request.headers.get(CHECKSUM, digest) != digest:
            return _refusal(400, "BadDigest")
        return None

    async def _forwarded(request: Request, query: dict[str, str], body: bytes) -> Response:
        path = request.url.path
        is_first = request.headers.get("if-none-match") == "*" and request.method == "PUT"
        if is_first and (await moto.head(path, headers={"authorization": _SOMEBODY})).is_success:
            return _refusal(412, "PreconditionFailed")
        given = {name: value for name, value in query.items() if not name.startswith("X-Amz-")}
        # What was checked here is let in there; without a name moto takes everybody for a stranger.
        headers = {"authorization": _SOMEBODY} | {
            name: value for name, value in request.headers.items() if name.startswith(("content-type", "x-amz"))
        }
        answer = await moto.request(request.method, path, params=given, headers=headers, content=body)
        kept = {
            name: value for name, value in answer.headers.items() if name not in ("transfer-encoding", "date", "server")
        }
        if request.method == "PUT" and answer.is_success and CHECKSUM in request.headers:
            store.checksums[path] = request.headers[CHECKSUM]
        if request.method == "HEAD" and answer.is_success and path in store.checksums:
            kept[CHECKSUM] = store.checksums[path]
        return Response(answer.content, answer.status_code, headers=kept)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "HEAD", "PUT", "POST", "DELETE"])])


@asynccontextmanager
async def s3_store(now: Callable[[], datetime], buckets: list[str]) -> AsyncIterator[Store]:
    """moto's server in a thread, and the store that checks before it on a port of its own."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = Store(now, f"http://{host}:{port}")
    keys: dict[str, Any] = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    admin = boto3.client("s3", region_name=REGION, endpoint_url=store.moto, **keys)
    try:
        async with httpx.AsyncClient() as http:
            # Its objects belong to the process, not to the server.
            (await http.post(f"{store.moto}/moto-api/reset")).raise_for_status()
        for bucket in buckets:
            admin.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        async with httpx.AsyncClient(base_url=store.moto) as moto:
            checking = await started(_app(store, moto))
            store.url = f"http://127.0.0.1:{port_of(checking)}"
            try:
                yield store
            finally:
                await stopped(checking)
    finally:
        admin.close()
        server.stop()
