"""Webhooks to the gateway: queued with what caused them, signed as each vendor signs, logged."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox import scenarios
from sandbox.store import Document
from sandbox.world import World

DELIVER: Final = "deliver"
SUMSUB: Final = "sumsub"
OPEN_BANKING: Final = "openbanking"
STRIPE: Final = "stripe"
SENDGRID: Final = "sendgrid"
TWILIO: Final = "twilio"
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
PATHS: Final = {
    SUMSUB: "/api/kyc/webhook",
    OPEN_BANKING: "/api/webhooks/openbanking",
    STRIPE: "/api/webhooks/stripe",
    SENDGRID: "/api/webhooks/sendgrid",
    TWILIO: "/api/webhooks/twilio",
}
_log = structlog.get_logger()
_LATE_BY: Final = timedelta(hours=1)
_REORDERED_BY: Final = timedelta(seconds=4)
_RETRY_AFTER: Final = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1))


async def send_later(
    world: World, provider: str, payload: Document | list[Document], at: datetime | None = None
) -> None:
    """Queue a webhook in the transaction that causes it."""
    body = {"provider": provider, "raw": compact(payload), "attempt": 0}
    await world.store.schedule(at or world.now, DELIVER, body)


async def tell(world: World, provider: str, payload: Document, about: Document) -> None:
    """Queue a webhook about an object, with the faults of the object's scenario.

    `about` counts its webhooks in `told`.
    """
    nth = about["told"] = about.get("told", 0) + 1
    body: Document = {"provider": provider, "raw": compact(payload), "attempt": 0}
    at = world.now
    match about.get("delivery"):
        case scenarios.LATE:
            at += _LATE_BY
        case scenarios.REORDERED:
            # Of three webhooks, the first is delivered last.
            at += max(_REORDERED_BY * (3 - nth), timedelta())
        case scenarios.WRONGLY_SIGNED:
            body["forged"] = True
        case scenarios.DOUBLED:
            await world.store.schedule(at, DELIVER, body)
    await world.store.schedule(at, DELIVER, body)


async def send_form_later(world: World, provider: str, payload: dict[str, str], url: str, at: datetime) -> None:
    """As `send_later`, as a form and signed over the address that the client gave."""
    body = {"provider": provider, "raw": urlencode(payload), "attempt": 0, "url": url}
    await world.store.schedule(at, DELIVER, body)


async def deliver(world: World, job: Document) -> None:
    """Post the webhook once. Without a 2xx answer it is posted again later."""
    provider = job["provider"]
    status, note = await _post(world, job)
    async with world.store.transaction():
        body = {**job, "path": PATHS[provider], "note": note, "attempt": job["attempt"] + 1}
        await world.store.log_delivery(world.now, provider, status, body)
        if status is not None and 200 <= status < 300:
            return
        is_last = job["attempt"] >= len(_RETRY_AFTER)
        # A gateway that answers nobody's webhooks is set up wrongly, which would else be seen on a page alone.
        _log.warning("webhook_not_delivered", vendor=provider, status=status, note=note, is_last=is_last)
        if not is_last:
            again = {**job, "attempt": job["attempt"] + 1}
            await world.store.schedule(world.now + _RETRY_AFTER[job["attempt"]], DELIVER, again)


async def _post(world: World, job: Document) -> tuple[int | None, str]:
    provider, raw = job["provider"], job["raw"]
    # A forged webhook has a well-formed signature, of other bytes than its body.
    signed = raw + " " if job.get("forged") else raw
    headers = {
        "content-type": _FORM if provider == TWILIO else _JSON,
        **signature(world, provider, signed.encode(), job.get("url", "")),
    }
    try:
        response = await world.gateway.post(PATHS[provider], content=raw, headers=headers)
    except httpx.HTTPError as error:
        return None, type(error).__name__
    return response.status_code, response.reason_phrase


def signature(world: World, provider: str, raw: bytes, url: str = "") -> dict[str, str]:
    """The headers by which the vendor signs this body; `url` is signed by the SMS vendor alone."""
    settings, signed_at = world.settings, str(int(world.now.timestamp()))
    match provider:
        case "sumsub":
            digest = hmac.new(settings.sumsub_secret_key.encode(), raw, hashlib.sha256).hexdigest()
            return {"x-payload-digest": digest, "x-payload-digest-alg": "HMAC_SHA256_HEX"}
        case "stripe":
            return {"stripe-signature": _timed(settings.stripe_webhook_secret, signed_at, raw)}
        case "sendgrid":
            signed = settings.mail_signing_key.sign(signed_at.encode() + raw, ECDSA(SHA256()))
            return {
                "x-twilio-email-event-webhook-signature": base64.b64encode(signed).decode(),
                "x-twilio-email-event-webhook-timestamp": signed_at,
            }
        case "twilio":
            text = url + "".join(name + value for name, value in sorted(parse_qsl(raw.decode())))
            token = settings.twilio_auth_token.encode()
            mac = hmac.new(token, text.encode(), hashlib.sha1).digest()
            return {"x-twilio-signature": base64.b64encode(mac).decode()}
        case _:
            return {"x-ob-signature": _timed(settings.openbanking_webhook_secret, signed_at, raw)}


def _timed(secret: str, signed_at: str, raw: bytes) -> str:
    digest = hmac.new(secret.encode(), f"{signed_at}.".encode() + raw, hashlib.sha256).hexdigest()
    return f"t={signed_at},v1={digest}"


def compact(payload: Document | list[Document]) -> str:
    """JSON as it is sent."""
    return json.dumps(payload, separators=(",", ":"))


def pretty(raw: str) -> str:
    """JSON or a form, for people."""
    parsed: Any = json.loads(raw) if raw[:1] in "{[" else dict(parse_qsl(raw))
    return json.dumps(parsed, indent=2, ensure_ascii=False)
