"""The signature of open banking webhooks: `X-OB-Signature: t=<unix>,v1=<hex HMAC-SHA256 over "t.body">`."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.errors import BadSignature

HEADER: Final = "x-ob-signature"
# Past and future alike, so that a signature that was made for tomorrow cannot be used until then.
TOLERANCE: Final = timedelta(minutes=5)
_FORM: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def verify(raw: bytes, header: str | None, secrets: Sequence[str], now: datetime) -> None:
    """Check a signature, by one of the secrets. Raises BadSignature: absent, malformed, wrong, five minutes off."""
    match = _FORM.fullmatch(header or "")
    if match is None:
        raise BadSignature("X-OB-Signature is missing or malformed.")
    signed_at, given = match.groups()
    signed = signed_at.encode() + b"." + raw
    made = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    if not any(hmac.compare_digest(expected, given) for expected in made):
        raise BadSignature("X-OB-Signature does not match the body.")
    if abs(now.timestamp() - int(signed_at)) > TOLERANCE.total_seconds():
        raise BadSignature("X-OB-Signature is too old or from the future.")
