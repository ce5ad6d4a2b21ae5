"""Stripe's webhook signature: `Stripe-Signature: t=<unix>,v1=<hex>[,v1=<hex>]`.

Source: docs/vendors/stripe.md, Webhooks.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.errors import BadSignature

HEADER: Final = "stripe-signature"
TOLERANCE_S: Final = 300


def verify(raw: bytes, header: str | None, secrets: Sequence[str], now: datetime) -> None:
    """Check a signature: HMAC-SHA256 over `t.body`. While a secret is changed there are two `v1`, and two secrets
    here: any pair may match.

    Raises BadSignature.
    """
    parts = [part.partition("=") for part in (header or "").split(",")]
    signed_at = next((value for name, _, value in parts if name.strip() == "t"), "")
    if not (signed_at.isascii() and signed_at.isdigit() and len(signed_at) <= 12):
        raise BadSignature("The Stripe-Signature header is missing or malformed.")
    signed = f"{signed_at}.".encode() + raw
    made = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    given = [value for name, _, value in parts if name.strip() == "v1"]
    if not any(hmac.compare_digest(expected.encode(), value.encode()) for expected in made for value in given):
        raise BadSignature("The signature does not match the body.")
    # Past and future alike, so that a signature that was made for tomorrow cannot be used until then.
    if abs(now.timestamp() - int(signed_at)) > TOLERANCE_S:
        raise BadSignature("The signature is too old, or of the future.")
