"""Enable Banking's webhook: a JWT beside the body, with the body's digest in it.

Source: docs/vendors/enable_banking.md, Webhook.

The JWT itself names the address of its key, so a key is only read from the vendor's own hosts.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from domain.errors import BadSignature
from providers.calling.guard import Guard
from providers.calling.loopback import is_within
from providers.calling.vendor_http import body_of, raise_for_trouble

DOMAIN: Final = "enablebanking.com"
_KEY_FRESH_S: Final = 3_600
# The number of keys in memory. Without a limit, forged webhooks could fill the memory with key addresses.
_KEYS: Final = 8
_PATH: Final = "authorization"


class WebhookKeys:
    """The vendor's public keys, read from their addresses and kept for an hour.

    `is_theirs` says whether an address is the vendor's.
    """

    def __init__(self, http: httpx.AsyncClient, guard: Guard, *, is_theirs: Callable[[str], bool]) -> None:
        self._http = http
        self._guard = guard
        self._is_theirs = is_theirs
        self._kept: dict[str, tuple[float, RSAKey]] = {}

    async def at(self, url: str) -> RSAKey:
        """The key at an address. Raises BadSignature for a foreign address, Unavailable without an answer."""
        if not self._is_theirs(url):
            raise BadSignature("The key of this signature is not Enable Banking's.")
        known = self._kept.get(url)
        if known is None or time.monotonic() - known[0] > _KEY_FRESH_S:
            pem = await self._guard.call("webhook_key", lambda: self._read(url))
            known = (time.monotonic(), _key_of(pem))
            while len(self._kept) >= _KEYS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[url] = known
        return known[1]

    async def _read(self, url: str) -> bytes:
        async with self._http.stream("GET", url, follow_redirects=False) as response:
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
        header = jws.extract_compact(token.encode()).headers()
        url = header.get("x5u")
        if not isinstance(url, str):
            raise BadSignature("The signature does not name its key.")
        claims = jwt.decode(token, await keys.at(url), algorithms=["RS256"]).claims
        jwt.JWTClaimsRegistry(now=now, leeway=300, sub={"essential": True, "value": app_id}).validate(claims)
    except (JoseError, ValueError) as error:
        raise BadSignature("The signature does not hold.") from error
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    if not hmac.compare_digest(str(claims.get("msgi", "")).encode(), f"sha256-{digest}".encode()):
        raise BadSignature("The signature is of another body.")


def _key_of(pem: bytes) -> RSAKey:
    """The key in a PEM file, which holds a certificate or a bare public key. Raises BadSignature."""
    try:
        if b"BEGIN CERTIFICATE" in pem:
            public: Any = x509.load_pem_x509_certificate(pem).public_key()
            return RSAKey.import_key(public)
        return RSAKey.import_key(pem)
    except (ValueError, TypeError, JoseError) as error:
        raise BadSignature("The key of this signature cannot be read.") from error
