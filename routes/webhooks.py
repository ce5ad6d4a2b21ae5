"""Webhooks: verify, store, answer. A worker does the rest, so a vendor never waits."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from routes.requests import base_url, read_bounded
from routes.state import services_of
from services.webhooks.sources import Delivery

MAX_BYTES: Final = 256 * 1024
# /api/kyc/webhook is older than the addresses by vendor: Sumsub was given it.
_KYC: Final = "sumsub"


async def receive(request: Request) -> Response:
    """202 once stored, repeats too; 401 bad signature, 400 unreadable, 404 unknown provider, 413 too large."""
    raw = await read_bounded(request, at_most_bytes=MAX_BYTES)
    provider = request.path_params.get("provider", _KYC)
    # The address that the vendor was given, whatever stands in between: some sign it.
    url = f"{base_url(request)}{request.url.path}{'?' if request.url.query else ''}{request.url.query}"
    await services_of(request).webhooks.accept(provider, Delivery(raw, request.headers, url))
    return Response(status_code=202)


ROUTES = [
    Route("/api/kyc/webhook", receive, methods=["POST"]),
    Route("/api/webhooks/{provider}", receive, methods=["POST"]),
]
