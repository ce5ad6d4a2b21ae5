"""Webhooks: verify, store, answer. A worker does the rest, so a vendor never waits."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from routes.client_address import client_network
from routes.openapi_schemas import OBJECT
from routes.operations import TOO_OFTEN, Answer, Body, DescribedRoute, Operation, in_header, in_path
from routes.requests import base_url, read_bounded
from routes.state import services_of
from services.webhooks.sources import Delivery

# SendGrid sends events in batches of up to 768 KB.
MAX_BYTES: Final = 1024 * 1024
# /api/kyc/webhook is older than the addresses by vendor: Sumsub was given it.
_KYC: Final = "sumsub"


async def receive(request: Request) -> Response:
    """202 once stored, repeats too; 401 bad signature (429 after many), 400 unreadable, 404 unknown, 413 too large."""
    raw = await read_bounded(request, at_most_bytes=MAX_BYTES)
    provider = request.path_params.get("provider", _KYC)
    # The address that the vendor was given, whatever stands in between: some sign it.
    url = f"{base_url(request)}{request.url.path}{'?' if request.url.query else ''}{request.url.query}"
    delivery = Delivery(raw, request.headers, url)
    await services_of(request).webhooks.accept(provider, delivery, client_network(request))
    return Response(status_code=202)


_STORED: Final = {202: Answer("Stored, or stored before.")}
_SIGNATURE: Final = "t=<unix>,v1=<hex HMAC-SHA256 over t.body>"

ROUTES = [
    DescribedRoute(
        "/api/kyc/webhook",
        receive,
        Operation(
            "kycWebhook",
            "Sumsub's webhook",
            _STORED,
            {400: "Unreadable.", 401: "Not signed by the vendor.", 429: TOO_OFTEN},
            parameters=(
                in_header("x-payload-digest", "Hex HMAC over the raw body."),
                in_header("x-payload-digest-alg", "HMAC_SHA256_HEX or HMAC_SHA512_HEX."),
            ),
            body=Body(OBJECT),
        ),
        method="POST",
    ),
    DescribedRoute(
        "/api/webhooks/{provider}",
        receive,
        Operation(
            "webhook",
            "A provider's webhook",
            _STORED,
            {
                400: "Unreadable.",
                401: "Not signed by the provider, or too old.",
                404: "Unknown provider.",
                429: TOO_OFTEN,
            },
            parameters=(
                in_path("provider", "openbanking, sendgrid, stripe, sumsub or twilio."),
                in_header("x-ob-signature", f"{_SIGNATURE} (openbanking)."),
                in_header("stripe-signature", f"{_SIGNATURE} (stripe)."),
            ),
            body=Body(OBJECT),
        ),
        method="POST",
    ),
]
