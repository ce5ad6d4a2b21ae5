"""BankID by OpenID Connect: the code flow with PKCE. Source: docs/vendors/bankid.md.

A token that breaks any rule ends the login: the user can easily start again.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlencode

import httpx
import structlog
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from pydantic import BaseModel, Field, SecretStr

from domain.clock import Clock
from domain.contact import mail_address, sms_number
from domain.errors import InDoubt, Unavailable
from domain.input import clean_text
from providers.calling.guard import Guard, Resilience
from providers.calling.vendor_http import Answer, VendorHttp, VendorRefusal
from providers.declaration import Tools, Vendor
from providers.identity.id_token import (
    BAD_SIGNATURE,
    Expected,
    UntrustedToken,
    authenticated_at,
    claims_of,
    key_id_of,
    signed_claims_of,
)
from providers.identity.openid_metadata import Metadata, OpenIdMetadata
from providers.identity.port import AuthorizationRequest, Identity, LoginFailed
from providers.setting_types import CommaSeparated, secret_of

ISSUER: Final = "https://auth.bankid.no/auth/realms/prod"
SCOPE: Final = "openid profile nnin_altsub email phone"
# Level high: BankID with a password or biometrics and a second factor. Sensitive actions accept no other level.
HIGH: Final = "urn:bankid:bid"
RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# The token request is missing: its code works once.
RETRIED: Final = frozenset({"discovery", "keys", "userinfo"})
_REFUSED: Final = "BankID did not accept the login. Start again."
# RFC 6749, 5.2: a new login mends these errors. All others are faults in our request or settings.
_ABOUT_THE_CODE: Final = frozenset({"invalid_grant"})
_IDENTITY_NUMBER: Final = re.compile(r"\d{11}")
_log = structlog.get_logger()


class BankIdSettings(BaseModel):
    """Our client at BankID, and what is asked of it."""

    bankid_api_url: str = Field(
        default=ISSUER,
        description="BankID's issuer; https://auth.current.bankid.no/auth/realms/current for tests.",
    )
    bankid_client_id: str | None = Field(default=None, description="BankID: the client that they set up for you.")
    bankid_client_secret: SecretStr | None = Field(
        default=None, description="BankID: the client's secret, or for private_key_jwt its private key in PEM."
    )
    bankid_client_auth: Literal["private_key_jwt", "client_secret_basic", "client_secret_post"] = Field(
        default="client_secret_basic",
        description="private_key_jwt (which BankID recommends), client_secret_basic or client_secret_post.",
    )
    bankid_scope: str = Field(
        default=SCOPE,
        description="What is asked of BankID; nnin_altsub, the identity number, needs their approval.",
    )
    bankid_acr_values: CommaSeparated = Field(
        default=(HIGH,),
        description="Levels at which one may sign in, separated by commas: urn:bankid:bid (high), urn:bankid:bis. "
        "Deleting the account and issuing a card always take the first.",
    )


class BankId:
    """Logins at BankID.

    `client_secret` is the client's secret or, if `auth_method` is private_key_jwt, its private key in PEM. `levels` are
    the levels of assurance (`acr`) that a usual login accepts.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        guard: Guard,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        auth_method: str,
        clock: Clock,
        scope: str = SCOPE,
        levels: tuple[str, ...] = (HIGH,),
    ) -> None:
        self._http = VendorHttp(http, guard, base_url="")
        self._provider = OpenIdMetadata(self._http, issuer)
        method = PrivateKeyJWT() if auth_method == PrivateKeyJWT.name else auth_method
        self._client_auth = ClientAuth(client_id, client_secret, method)
        self._client_id = client_id
        self._clock = clock
        self._scope = scope
        self._levels = levels

    async def check(self) -> None:
        """Check that BankID's metadata and keys can be read. Raises Unavailable."""
        await self._provider.read()
        await self._provider.keys(knowing=None)

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        metadata = await self._provider.read()
        query = {
            "client_id": self._client_id,
            "response_type": "code",
            "scope": self._scope,
            "redirect_uri": request.redirect_uri,
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": request.code_challenge,
            "code_challenge_method": "S256",
            "acr_values": " ".join(self._levels_for(request.max_age_s)),
            "ui_locales": "nb en",
        }
        if request.max_age_s is not None:
            query |= {"max_age": str(request.max_age_s), "prompt": "login"}
        return f"{metadata.authorization_endpoint}?{urlencode(query)}"

    async def exchange_code(
        self,
        *,
        code: str,
        code_verifier: str,
        redirect_uri: str,
        nonce: str,
        max_age_s: int | None = None,
        issuer: str | None = None,
    ) -> Identity:
        metadata = await self._provider.read()
        # RFC 9207: an answer of another issuer must not bring its code to this one.
        if issuer != metadata.issuer and (issuer is not None or metadata.names_issuer):
            _log.error("id_token_refused", rule="callback_iss")
            raise LoginFailed(_REFUSED)
        raw, access_token = await self._tokens(metadata, code, code_verifier, redirect_uri)
        expected = Expected(
            issuer=metadata.issuer,
            client_id=self._client_id,
            nonce=nonce,
            algorithms=metadata.algorithms,
            levels=self._levels_for(max_age_s),
            access_token=access_token,
            now=int(self._clock.now().timestamp()),
            max_age_s=max_age_s,
        )
        try:
            claims = await self._claims(raw, expected)
        except UntrustedToken as error:
            _log.error("id_token_refused", rule=str(error))
            raise LoginFailed(_REFUSED) from error
        userinfo = await self._userinfo(metadata, access_token, claims["sub"])
        return _identity(claims, userinfo, raw)

    async def _signed_userinfo(self, metadata: Metadata, raw: str) -> Mapping[str, Any]:
        try:
            keys = await self._provider.keys(knowing=key_id_of(raw))
            return signed_claims_of(
                raw, keys, issuer=metadata.issuer, client_id=self._client_id, algorithms=metadata.algorithms
            )
        except UntrustedToken as error:
            _log.error("id_token_refused", rule=f"userinfo_{error}")
            raise LoginFailed(_REFUSED) from error

    async def _claims(self, raw: str, expected: Expected) -> Mapping[str, Any]:
        """The claims of the ID token. Keys are read again where the known key of this id did not make the signature."""
        keys = await self._provider.keys(knowing=key_id_of(raw))
        try:
            return claims_of(raw, keys, expected)
        except UntrustedToken as error:
            newer = await self._provider.newer_keys(keys) if str(error) == BAD_SIGNATURE else keys
            if newer is keys:
                raise
            return claims_of(raw, newer, expected)

    async def end_session_url(self, *, id_token: str, return_to: str) -> str | None:
        endpoint = (await self._provider.read()).end_session_endpoint
        if endpoint is None:
            return None
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": return_to, "client_id": self._client_id}
        return f"{endpoint}?{urlencode(query)}"

    def _levels_for(self, max_age_s: int | None) -> tuple[str, ...]:
        return self._levels if max_age_s is None else (HIGH,)

    async def _tokens(self, metadata: Metadata, code: str, code_verifier: str, redirect_uri: str) -> tuple[str, str]:
        """The ID token and the access token."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
        }
        headers: dict[str, str] = {"content-type": "application/x-www-form-urlencoded"}
        endpoint = metadata.token_endpoint
        url, headers, body = self._client_auth.prepare("POST", endpoint, headers, urlencode(form))  # type: ignore[no-untyped-call]
        try:
            return await self._http.command(
                "token",
                "POST",
                url,
                lambda answer: (str(answer.document["id_token"]), str(answer.document["access_token"])),
                headers=headers,
                content=body.encode(),
            )
        except InDoubt as error:
            raise Unavailable("identity") from error
        except VendorRefusal as refusal:
            if refusal.answer.get("error") in _ABOUT_THE_CODE:
                raise LoginFailed(_REFUSED) from refusal
            raise self._http.refused(refusal.status, refusal.answer.get("error")) from refusal

    async def _userinfo(self, metadata: Metadata, access_token: str, subject: str) -> Mapping[str, Any]:
        """The claims that the user agreed to share. Empty if BankID does not answer: the login works without them."""
        if metadata.userinfo_endpoint is None:
            return {}
        headers = {"authorization": f"Bearer {access_token}"}
        try:
            found = await self._http.call(
                "userinfo", "GET", metadata.userinfo_endpoint, _claims_or_jwt, headers=headers
            )
        except (Unavailable, VendorRefusal):
            _log.warning("userinfo_unread")
            return {}
        if isinstance(found, str):
            found = await self._signed_userinfo(metadata, found)
        if found.get("sub") != subject:
            _log.error("id_token_refused", rule="userinfo_sub")
            raise LoginFailed(_REFUSED)
        return found


def _claims_or_jwt(answer: Answer) -> Mapping[str, Any] | str:
    """The vendor's settings decide whether userinfo is JSON or a JWT (OpenID Connect Core 1.0, 5.3.2)."""
    return answer.document if isinstance(answer.document, str) else {**answer.document}


def _identity(claims: Mapping[str, Any], userinfo: Mapping[str, Any], raw: str) -> Identity:
    given = claims.get("name") or userinfo.get("name")
    name = "".join(one for one in clean_text(given) if one.isprintable()) if isinstance(given, str) else ""
    if not name:
        _log.error("id_token_refused", rule="name")
        raise LoginFailed(_REFUSED)
    number = claims.get("nnin_altsub") or userinfo.get("nnin_altsub")
    email, phone = userinfo.get("email"), userinfo.get("phone_number")
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        name=name,
        national_identity_number=_matching(_IDENTITY_NUMBER, number),
        id_token=raw,
        # Checked like what a person types: what reaches nobody is left out.
        email=mail_address(email) if isinstance(email, str) else None,
        phone=sms_number(phone) if isinstance(phone, str) else None,
        authenticated_at=datetime.fromtimestamp(authenticated_at(claims), UTC),
    )


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _build(settings: BankIdSettings, tools: Tools) -> BankId:
    adapter = BankId(
        tools.internet(),
        tools.guard(RESILIENCE, RETRIED),
        issuer=settings.bankid_api_url.rstrip("/"),
        client_id=settings.bankid_client_id or "",
        client_secret=secret_of(settings.bankid_client_secret),
        auth_method=settings.bankid_client_auth,
        clock=tools.clock,
        scope=settings.bankid_scope,
        levels=settings.bankid_acr_values,
    )
    tools.add_check(adapter.check)
    return adapter


VENDOR: Final = Vendor(
    "bankid",
    BankIdSettings,
    _build,
    needs=("bankid_client_id", "bankid_client_secret"),
    test_hosts={"bankid_api_url": ("current.bankid.no",)},
)
