"""An OpenID provider's own description and keys. Source: OpenID Connect Discovery 1.0, 3 and 4.3; RFC 7517."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from domain.errors import Unavailable
from providers.calling.loopback import is_safe
from providers.calling.rate import Rate
from providers.calling.vendor_http import VendorHttp, VendorRefusal

# The vendor may move its endpoints, so they are read again after this time.
_KEPT_S: Final = 3_600
# All tries together: a person waits at the other end, and old keys serve meanwhile.
_ANSWERED_WITHIN_S: Final = 4
# Only asymmetric algorithms: with HS256, everybody who knows the client secret could make tokens.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an OpenID provider says about itself. `algorithms` are those of ID tokens that we accept,
    `names_issuer` whether every callback bears `iss` (RFC 9207).

    The endpoints are URLs with TLS, or on this machine.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    algorithms: tuple[str, ...]
    names_issuer: bool


class OpenIdMetadata:
    """The metadata and keys of an OpenID provider. Both are read when first needed, and again after an hour.

    Keys are also read again if a token names an unknown key, as the provider may have changed its keys.
    """

    def __init__(self, http: VendorHttp, issuer: str) -> None:
        self._http = http
        self._issuer = issuer
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._again = Rate(5, 60)

    async def read(self) -> Metadata:
        """The provider's metadata. Raises Unavailable."""
        if self._metadata is None or time.monotonic() - self._metadata[0] > _KEPT_S:
            url = f"{self._issuer}/.well-known/openid-configuration"
            self._metadata = (time.monotonic(), await self._get("discovery", url, self._read))
        return self._metadata[1]

    async def keys(self, *, knowing: str | None) -> KeySet:
        """The provider's keys. `knowing` is the key id that a token names, None for any keys. Raises Unavailable."""
        found = self._keys
        is_known = found is not None and (knowing is None or any(key.kid == knowing for key in found[1]))
        is_old = found is None or time.monotonic() - found[0] > _KEPT_S
        if found is None or is_old or not is_known:
            return await self._keys_again(found[1] if found is not None else None)
        return found[1]

    async def newer_keys(self, keys: KeySet) -> KeySet:
        """The keys that the provider has now, `keys` themselves where they cannot be read again."""
        return await self._keys_again(keys)

    async def _keys_again(self, kept: KeySet | None) -> KeySet:
        """At most five reads a minute: forged tokens must not make us read the keys each time. Raises Unavailable."""
        if kept is not None and not await self._again.take_now():
            return kept
        metadata = await self.read()
        try:
            found: KeySet = await self._get("keys", metadata.jwks_uri, _signing_keys)
        except Unavailable:
            if kept is None:
                raise
            return kept
        self._keys = (time.monotonic(), found)
        return found

    async def _get(self, operation: str, url: str, read: Any) -> Any:
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                return await self._http.call(operation, "GET", url, lambda answer: read(answer.document))
        except TimeoutError as error:
            raise Unavailable("identity") from error
        except VendorRefusal as refusal:
            raise self._http.refused(refusal.status) from refusal

    def _read(self, document: Mapping[str, Any]) -> Metadata:
        if document["issuer"] != self._issuer:
            raise ValueError("the metadata is of another issuer")
        offered = document["id_token_signing_alg_values_supported"]
        return Metadata(
            issuer=document["issuer"],
            authorization_endpoint=_endpoint(document["authorization_endpoint"]),
            token_endpoint=_endpoint(document["token_endpoint"]),
            jwks_uri=_endpoint(document["jwks_uri"]),
            userinfo_endpoint=_optional(document, "userinfo_endpoint"),
            end_session_endpoint=_optional(document, "end_session_endpoint"),
            algorithms=tuple(name for name in _ALGORITHMS if name in offered),
            names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )


def _endpoint(url: str) -> str:
    if not is_safe(url):
        raise ValueError("an endpoint is not encrypted")
    return url


def _optional(document: Mapping[str, Any], name: str) -> str | None:
    return _endpoint(document[name]) if document.get(name) else None


def _signing_keys(document: Mapping[str, Any]) -> KeySet:
    """The keys for signatures that we understand; without the others, whose kinds or curves may be newer than we."""
    return KeySet([key for given in document["keys"] if (key := _signing_key(given)) is not None])


def _signing_key(given: object) -> Key | None:
    if not isinstance(given, dict) or given.get("use", "sig") != "sig":
        return None
    try:
        return JWKRegistry.import_key(given)
    except (JoseError, ValueError, TypeError, KeyError):
        _log.warning("key_not_understood", kind=str(given.get("kty"))[:10])
        return None
