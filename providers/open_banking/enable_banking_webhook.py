"""Enable Banking's webhook: a JWT beside the body, with the body's digest in it.

Source: docs/vendors/enable_banking.md, Webhook.

The JWT itself names the address of its key, so a key is only read from the vendor's own hosts.
"""

import base64
import hashlib
import hmac
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from domain.errors import BadSignature, Unavailable
from providers.calling.guard import Guard, Resilience
from providers.calling.loopback import is_within
from providers.calling.rate import Rate
from providers.calling.vendor_http import body_of, raise_for_trouble

DOMAIN: Final = "enablebanking.com"
# Apart from the client's own: a stranger chooses how often a key is read, and must not stop payments by that.
RESILIENCE: Final = Resilience(timeout_s=5, breaker_failures=5, breaker_open_s=30)
# The vendor sends a webhook again by itself.
RETRIED: Final[frozenset[str]] = frozenset()
_KEY_FRESH_S: Final = 3_600
# While the vendor does not answer, a key that verified before is used for a day.
_KEY_USED_S: Final = 86_400
_REFUSED_FOR_S: Final = 600
_REFUSED: Final = 64
# The number of keys in memory. Without a limit, forged webhooks could fill the memory with key addresses.
_KEYS: Final = 8
_PATH: Final = "authorization"
Value = TypeVar("Value")


class WebhookKeys:
    """The vendor's public keys, read from their addresses and kept for an hour.

    `is_theirs` says whether an address is the vendor's. `guard` must not be the guard of the vendor's other calls.
    Five unknown addresses a minute are read at most, and an address without a key is not read again for ten minutes.
    """

    def __init__(self, http: httpx.AsyncClient, guard: Guard, *, is_theirs: Callable[[str], bool]) -> None:
        self._http = http
        self._guard = guard
        self._is_theirs = is_theirs
        self._kept: dict[str, tuple[float, RSAKey]] = {}
        self._refused: dict[str, float] = {}
        self._unknown = Rate(5, 60)

    async def at(self, url: str) -> RSAKey:
        """The key at an address.

        Raises BadSignature for a foreign address and one without a key, Unavailable where the address does not answer
        or too many unknown addresses were named.
        """
        if not self._is_theirs(url) or time.monotonic() - self._refused.get(url, -math.inf) < _REFUSED_FOR_S:
            raise BadSignature("The key of this signature is not Enable Banking's.")
        read_at, key = self._kept.get(url, (-math.inf, None))
        age = time.monotonic() - read_at
        if key is not None and age < _KEY_FRESH_S:
            return key
        try:
            return await self._renewed(url, is_known=key is not None)
        except Unavailable:
            if key is None or age > _KEY_USED_S:
                raise
            return key

    async def _renewed(self, url: str, *, is_known: bool) -> RSAKey:
        if not is_known and not await self._unknown.take_now():
            raise Unavailable("open_banking", "too many webhooks name unknown keys")
        try:
            key = _key_of(await self._guard.call("webhook_key", lambda: self._read(url)))
        except BadSignature:
            _put(self._refused, url, time.monotonic(), at_most=_REFUSED)
            raise
        _put(self._kept, url, (time.monotonic(), key), at_most=_KEYS)
        return key

    async def _read(self, url: str) -> bytes:
        async with self._http.stream("GET", url, follow_redirects=False) as response:
            if not response.is_redirect:
                raise_for_trouble(response)
            if not response.is_success:
                raise BadSignature("The key of this signature cannot be read.")
            return await body_of(response)


def is_vendors(url: str) -> bool:
    """Whether the URL is https on the vendor's domain or a name below it."""
    parts = urlsplit(url)
    return parts.scheme == "https" and is_within(parts.hostname or "", DOMAIN)


async def verify(raw: bytes, headers: Mapping[str, str], keys: WebhookKeys, *, app_id: str, now: int) -> None:
    """Check the signature of a webhook. `now` is in seconds since 1970. Raises BadSignature, Unavailable."""
    token = headers.get(_PATH, "").removeprefix("Bearer ")
    try:
        signed = jws.extract_compact(token.encode())
        url, claims = signed.headers().get("x5u"), json.loads(signed.payload)
        if not isinstance(url, str) or not isinstance(claims, dict):
            raise BadSignature("The signature does not name its key.")
        # Before the key is read: a stranger does not know our application's id, and costs no request to the vendor.
        jwt.JWTClaimsRegistry(now=now, leeway=300, sub={"essential": True, "value": app_id}).validate(claims)
        jwt.decode(token, await keys.at(url), algorithms=["RS256"])
    except (JoseError, ValueError, RecursionError) as error:
        raise BadSignature("The signature does not hold.") from error
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    if not hmac.compare_digest(str(claims.get("msgi", "")).encode(), f"sha256-{digest}".encode()):
        raise BadSignature("The signature is of another body.")


def _put(kept: dict[str, Value], url: str, value: Value, *, at_most: int) -> None:
    """The newest entries alone are kept, so that forged webhooks fill no memory."""
    kept.pop(url, None)
    while len(kept) >= at_most:
        kept.pop(next(iter(kept)))
    kept[url] = value


def _key_of(pem: bytes) -> RSAKey:
    """The key in a PEM file, which holds a certificate or a bare public key. Raises BadSignature."""
    try:
        if b"BEGIN CERTIFICATE" in pem:
            public: Any = x509.load_pem_x509_certificate(pem).public_key()
            return RSAKey.import_key(public)
        return RSAKey.import_key(pem)
    except (ValueError, TypeError, JoseError) as error:
        raise BadSignature("The key of this signature cannot be read.") from error
