"""Sumsub: applicants, SDK access tokens, reviews. Source: docs/vendors/sumsub.md."""

import hashlib
import hmac
from collections.abc import Generator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.clock import Clock
from domain.errors import InvalidState, Unavailable
from domain.ids import UserId
from domain.kyc import Review
from providers.calling.guard import Guard, Resilience
from providers.calling.vendor_http import UNREADABLE, Answer, VendorHttp, VendorRefusal
from providers.declaration import Tools, Vendor
from providers.kyc import sumsub_webhook
from providers.kyc.port import TOKEN_LIFETIME, AccessToken, KycEvent
from providers.kyc.sumsub_review import review_of
from providers.setting_types import MOCK_SECRET, PREVIOUS, secret_of, valid_secrets

BASE_URL: Final = "https://api.sumsub.com"
SANDBOX_TOKEN: Final = "sbx:"  # noqa: S105  # what such tokens begin with
# The account's default is 50 POSTs in 5 s. Reads may be more frequent, but share the limit for simplicity.
RESILIENCE: Final = Resilience(
    timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4), per_second=10
)
# A creation is safe to repeat: our user id is the applicant's key, so an existing applicant is found.
RETRIED: Final = frozenset(
    {"create_applicant", "get_applicant", "get_access_token", "get_verification_result", "check"}
)


class SumsubSettings(BaseModel):
    """Sumsub's credentials and the level that users pass."""

    sumsub_api_url: str = Field(default=BASE_URL, description="Sumsub's address.")
    sumsub_app_token: SecretStr | None = Field(
        default=None, description="Sumsub, Dev space > App tokens (sbx:... or prd:...)."
    )
    sumsub_app_secret: SecretStr | None = Field(
        default=None, description="Sumsub, Dev space > App tokens > secret key: signs our requests."
    )
    sumsub_secret_key: SecretStr = Field(
        default=SecretStr(MOCK_SECRET), description="Sumsub, Webhooks > secret key: verifies their digest."
    )
    sumsub_secret_key_previous: SecretStr | None = Field(
        default=None,
        description=PREVIOUS,
    )
    sumsub_level_name: str = Field(
        default="id-and-liveness", description="Sumsub, Applicants > Levels: the level that users pass, as it is spelt."
    )


class SumsubSignature(httpx.Auth):
    """Signs requests with HMAC-SHA256 over time, method, path and body.

    Every try is signed anew, because the vendor accepts a signature for one minute only.
    """

    requires_request_body = True

    def __init__(self, app_token: str, app_secret: str, clock: Clock) -> None:
        self._app_token = app_token
        self._app_secret = app_secret.encode()
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        signed_at = str(int(self._clock.now().timestamp()))
        text = signed_at.encode() + request.method.encode() + request.url.raw_path + request.content
        request.headers["X-App-Token"] = self._app_token
        request.headers["X-App-Access-Ts"] = signed_at
        request.headers["X-App-Access-Sig"] = hmac.new(self._app_secret, text, hashlib.sha256).hexdigest()
        yield request


class SumsubKyc:
    """Verifications at Sumsub. `webhook_secret` verifies its webhooks, `app_secret` signs our requests.

    `level` is the exact name of a verification level that exists at the vendor.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        guard: Guard,
        *,
        app_token: str,
        app_secret: str,
        webhook_secret: str,
        previous_webhook_secret: str | None = None,
        level: str,
        clock: Clock,
        base_url: str = BASE_URL,
    ) -> None:
        auth = SumsubSignature(app_token, app_secret, clock)
        self._vendor = VendorHttp(http, guard, base_url=base_url, auth=auth)
        self._webhook_secrets = valid_secrets(webhook_secret, previous_webhook_secret)
        self._is_sandbox = app_token.startswith(SANDBOX_TOKEN)
        self._level = level
        self._clock = clock

    async def create_applicant(self, user_id: UserId, name: str) -> str:
        first_name, _, last_name = name.rpartition(" ")
        person = {"firstName": first_name or last_name, "lastName": last_name, "country": "NOR"}
        body = {"externalUserId": user_id, "type": "individual", "lang": "no", "fixedInfo": person}
        path = f"/resources/applicants?{urlencode({'levelName': self._level}, quote_via=quote)}"
        try:
            return await self._vendor.call("create_applicant", "POST", path, _id_of, json=body)
        except VendorRefusal as refusal:
            if refusal.status != httpx.codes.CONFLICT:
                raise self._refused(refusal) from None
        return await self._applicant_of(user_id)

    async def _applicant_of(self, user_id: UserId) -> str:
        path = f"/resources/applicants/-;externalUserId={quote(user_id, safe='')}/one"
        try:
            return await self._vendor.call("get_applicant", "GET", path, _id_of)
        except VendorRefusal as refusal:
            raise self._refused(refusal, of_object=True) from None

    async def get_access_token(self, user_id: UserId, return_to: str | None) -> AccessToken:
        ttl = int(TOKEN_LIFETIME.total_seconds())
        body = {"userId": user_id, "levelName": self._level, "ttlInSecs": ttl}
        expires_at = self._clock.now() + TOKEN_LIFETIME
        try:
            token = await self._vendor.call(
                "get_access_token",
                "POST",
                "/resources/accessTokens/sdk",
                lambda answer: _text_of(answer.document["token"]),
                json=body,
            )
        except VendorRefusal as refusal:
            raise self._refused(refusal) from None
        return AccessToken(token, expires_at)

    async def submit_again(self, applicant_id: str) -> None:
        """Only check the state: the user hands in documents in the vendor's SDK, which starts the new review itself."""
        review = await self.get_verification_result(applicant_id)
        if review is None or (review.is_decided and not review.can_retry):
            raise InvalidState("The verification takes no new documents.", text="NO_DOCUMENTS_AWAITED")

    async def get_verification_result(self, applicant_id: str) -> Review | None:
        path = f"/resources/applicants/{quote(applicant_id, safe='')}/status"
        try:
            return await self._vendor.call("get_verification_result", "GET", path, self._review)
        except VendorRefusal as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return None
            raise self._refused(refusal) from None

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> KycEvent:
        sumsub_webhook.verify(raw, headers, self._webhook_secrets)
        return sumsub_webhook.parse(raw, is_sandbox=self._is_sandbox)

    def read_webhook(self, raw: bytes) -> KycEvent:
        return sumsub_webhook.parse(raw)

    async def check(self) -> None:
        """Check that the vendor accepts our token and signature. Raises Unavailable."""
        path = "/resources/applicants/-/byExternalUserId/usr_doctor"
        try:
            await self._vendor.call("check", "GET", path, lambda answer: answer.document["exists"])
        except VendorRefusal as refusal:
            if refusal.status != httpx.codes.NOT_FOUND:
                raise self._refused(refusal) from None

    def _review(self, answer: Answer) -> Review:
        """The review in an answer. It is dated by its verdict, without one by its start, without either by now.

        A time that cannot be read is now, too: the review that it belongs to is the present one.
        """
        document: Mapping[str, Any] = answer.document
        times = [document[name] for name in ("createDate", "reviewDate") if document.get(name)]
        now = self._clock.now()
        try:
            reviewed_at = max(map(sumsub_webhook.time_of, times), default=now)
        except UNREADABLE:
            reviewed_at = now
        return review_of(document, reviewed_at)

    def _refused(self, refusal: VendorRefusal, *, of_object: bool = False) -> Unavailable:
        reason = refusal.answer.get("errorName") or refusal.answer.get("errorCode", "")
        return self._vendor.refused(refusal.status, reason, of_object=of_object)


def _id_of(answer: Answer) -> str:
    return _text_of(answer.document["id"])


def _text_of(value: object) -> str:
    """A text, or a number where the vendor's documents have a text. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError("not a text")
    return str(value)


def _build(settings: SumsubSettings, tools: Tools) -> SumsubKyc:
    adapter = SumsubKyc(
        tools.internet(),
        tools.guard(RESILIENCE, RETRIED),
        app_token=secret_of(settings.sumsub_app_token),
        app_secret=secret_of(settings.sumsub_app_secret),
        webhook_secret=settings.sumsub_secret_key.get_secret_value(),
        previous_webhook_secret=secret_of(settings.sumsub_secret_key_previous),
        level=settings.sumsub_level_name,
        clock=tools.clock,
        base_url=settings.sumsub_api_url,
    )
    tools.add_check(adapter.check)
    return adapter


VENDOR: Final = Vendor(
    "sumsub",
    SumsubSettings,
    _build,
    needs=("sumsub_app_token", "sumsub_app_secret", "sumsub_secret_key"),
    told=sumsub_webhook.TOLD,
    live_keys={"sumsub_app_token": ("prd:",)},
    test_keys={"sumsub_app_token": ("sbx:",)},
)
