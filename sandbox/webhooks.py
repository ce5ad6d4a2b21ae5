"""Webhooks to the gateway: queued with what caused them, signed as each vendor signs, logged."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from sandbox.store import Document
from sandbox.world import World

DELIVER: Final = "deliver"
SUMSUB: Final = "sumsub"
OPEN_BANKING: Final = "openbanking"
STRIPE: Final = "stripe"
PATHS: Final = {
    SUMSUB: "/api/kyc/webhook",
    OPEN_BANKING: "/api/webhooks/openbanking",
    STRIPE: "/api/webhooks/stripe",
}
_RETRY_AFTER: Final = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1))


async def send_later(world: World, provider: str, payload: Document, at: datetime | None = None) -> None:
    """Queue a webhook in the transaction that causes it."""
    body = {"provider": provider, "raw": json.dumps(payload, separators=(",", ":")), "attempt": 0}
    await world.store.schedule(at or world.now, DELIVER, body)


async def deliver(world: World, job: Document) -> None:
    """Post it once; what is not acknowledged comes again later."""
    provider, raw = job["provider"], job["raw"]
    status, note = await _post(world, provider, raw)
    async with world.store.transaction():
        body = {"raw": raw, "path": PATHS[provider], "note": note, "attempt": job["attempt"] + 1}
        await world.store.log_delivery(world.now, provider, status, body)
        if not (status is not None and 200 <= status < 300) and job["attempt"] < len(_RETRY_AFTER):
            again = {**job, "attempt": job["attempt"] + 1}
            await world.store.schedule(world.now + _RETRY_AFTER[job["attempt"]], DELIVER, again)


async def _post(world: World, provider: str, raw: str) -> tuple[int | None, str]:
    try:
        response = await world.gateway.post(
            PATHS[provider],
            content=raw,
            headers={"content-type": "application/json", **signature(world, provider, raw.encode())},
        )
    except httpx.HTTPError as error:
        return None, type(error).__name__
    return response.status_code, response.reason_phrase


def signature(world: World, provider: str, raw: bytes) -> dict[str, str]:
    """The headers by which the vendor signs this body."""
    if provider == SUMSUB:
        digest = hmac.new(world.settings.sumsub_secret_key.encode(), raw, hashlib.sha256).hexdigest()
        return {"x-payload-digest": digest, "x-payload-digest-alg": "HMAC_SHA256_HEX"}
    signed_at = str(int(world.now.timestamp()))
    is_card = provider == STRIPE
    secret = world.settings.stripe_webhook_secret if is_card else world.settings.openbanking_webhook_secret
    digest = hmac.new(secret.encode(), f"{signed_at}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"stripe-signature" if is_card else "x-ob-signature": f"t={signed_at},v1={digest}"}


def pretty(raw: str) -> str:
    parsed: Any = json.loads(raw)
    return json.dumps(parsed, indent=2, ensure_ascii=False)
