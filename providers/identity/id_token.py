"""What makes an ID token trustworthy. Source: OpenID Connect Core 1.0, 3.1.3.7; docs/vendors/bankid.md, ID token."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

_LEEWAY_S: Final = 60
# The rule that a token breaks whose signature another key made.
BAD_SIGNATURE: Final = "bad_signature"


class UntrustedToken(Exception):
    """The token breaks a rule. The message names the rule and holds nothing of the token, so it can be logged."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token of a login must say.

    `levels` are the accepted values of `acr`, without what follows a semicolon. With `max_age_s` the user must have
    signed in that recently, in seconds. `now` is in seconds since 1970.
    """

    issuer: str
    client_id: str
    nonce: str
    algorithms: Sequence[str]
    levels: Sequence[str]
    access_token: str
    now: int
    max_age_s: int | None = None


def key_id_of(raw: str) -> str | None:
    """The id of the key that a token names. The token is not verified yet. Raises UntrustedToken."""
    try:
        found = jws.extract_compact(raw.encode()).headers().get("kid")
    except (JoseError, ValueError) as error:
        raise UntrustedToken("not_a_token") from error
    return found if isinstance(found, str) else None


def claims_of(raw: str, keys: KeySet, expected: Expected) -> Mapping[str, Any]:
    """The claims of a token that the issuer made for this client and this login, and that is valid now.

    Raises UntrustedToken.
    """
    registry = jwt.JWTClaimsRegistry(
        now=expected.now,
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        token = jwt.decode(raw, keys, algorithms=list(expected.algorithms))
        registry.validate(token.claims)
    except (JoseError, ValueError, TypeError) as error:
        raise UntrustedToken(getattr(error, "error", "unreadable")) from error
    _check(token.header, token.claims, expected)
    return token.claims


def signed_claims_of(
    raw: str, keys: KeySet, *, issuer: str, client_id: str, algorithms: Sequence[str]
) -> Mapping[str, Any]:
    """The claims of a signed userinfo for this client (OpenID Connect Core 1.0, 5.3.2). Raises UntrustedToken."""
    try:
        claims = jwt.decode(raw, keys, algorithms=list(algorithms)).claims
    except (JoseError, ValueError, TypeError) as error:
        raise UntrustedToken(getattr(error, "error", "unreadable")) from error
    audience = claims.get("aud", client_id)
    if claims.get("iss", issuer) != issuer or client_id not in (audience if isinstance(audience, list) else [audience]):
        raise UntrustedToken("issuer_or_audience")
    return claims


def authenticated_at(claims: Mapping[str, Any]) -> int:
    """When the person answered, in seconds since 1970, else when the token was made. Raises UntrustedToken."""
    try:
        return int(claims.get("auth_time") or claims["iat"])
    except (TypeError, ValueError, OverflowError) as error:
        raise UntrustedToken("auth_time") from error


def _check(header: Mapping[str, Any], claims: Mapping[str, Any], expected: Expected) -> None:
    audience = claims["aud"]
    is_for_us_alone = audience == expected.client_id or audience == [expected.client_id]
    at_hash = claims.get("at_hash")
    rules = {
        "nonce": hmac.compare_digest(str(claims.get("nonce", "")).encode(), expected.nonce.encode()),
        "azp": claims.get("azp", expected.client_id if is_for_us_alone else None) == expected.client_id,
        "acr": str(claims.get("acr", "")).partition(";")[0] in expected.levels,
        "at_hash": at_hash is None or at_hash == _half_hash(expected.access_token, header["alg"]),
        # A time to come would count as recent for ever.
        "auth_time": 0 <= authenticated_at(claims) <= expected.now + _LEEWAY_S
        and _is_recent(claims.get("auth_time"), expected),
    }
    for rule, holds in rules.items():
        if not holds:
            raise UntrustedToken(rule)


def _is_recent(auth_time: object, expected: Expected) -> bool:
    if expected.max_age_s is None:
        return True
    return isinstance(auth_time, int) and expected.now - auth_time <= expected.max_age_s + _LEEWAY_S


def _half_hash(access_token: str, algorithm: str) -> str:
    """`at_hash`: the left half of the hash that the signature uses (OpenID Connect Core 1.0, 3.1.3.6)."""
    digest = hashlib.new(f"sha{algorithm[2:]}", access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
