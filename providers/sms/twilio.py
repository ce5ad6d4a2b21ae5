"""Twilio: SMS and their status callbacks. Source: docs/vendors/twilio.md, Sending."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, SecretStr

from providers.calling.guard import Guard, Resilience
from providers.calling.vendor_http import VendorHttp, VendorRefusal
from providers.declaration import Tools, Vendor
from providers.delivery import DeliveryReport, RecipientRefused
from providers.setting_types import MOCK_SECRET, PREVIOUS, secret_of, valid_secrets
from providers.sms import twilio_status
from providers.sms.port import SmsMessage
from providers.texts import Texts

BASE_URL: Final = "https://api.twilio.com"
RESILIENCE: Final = Resilience(timeout_s=5, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# Messages are missing: the vendor has no idempotency keys. The message's job tries again, minutes later.
RETRIED: Final = frozenset({"check"})

# Twilio's codes: invalid number, not a mobile number, recipient who answered STOP.
_REFUSED_RECIPIENTS: Final = frozenset({21211, 21614, 21610})
_SERVICE: Final = "MG"


class TwilioSettings(BaseModel):
    """Twilio's credentials, and the sender."""

    twilio_api_url: str = Field(default=BASE_URL, description="Twilio's address.")
    twilio_account_sid: str | None = Field(default=None, description="Twilio, Account > Account SID (AC...).")
    twilio_from: str | None = Field(
        default=None, description="Who SMS are from: a number, a name of at most 11 letters, or a service (MG...)."
    )
    twilio_auth_token: SecretStr = Field(
        default=SecretStr(MOCK_SECRET), description="Twilio, Account > Auth token: verifies its status callbacks."
    )
    twilio_auth_token_previous: SecretStr | None = Field(
        default=None,
        description=PREVIOUS,
    )


class TwilioSms:
    """Sends SMS through Twilio, which reports to `status_url`.

    `sender` is a number, an alphanumeric id, or a messaging service (`MG...`).
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        guard: Guard,
        texts: Texts,
        *,
        account_sid: str,
        auth_token: str,
        previous_auth_token: str | None = None,
        sender: str,
        status_url: str,
        base_url: str = BASE_URL,
    ) -> None:
        auth = httpx.BasicAuth(account_sid, auth_token)
        self._vendor = VendorHttp(http, guard, base_url=base_url, auth=auth)
        self._account = f"/2010-04-01/Accounts/{quote(account_sid, safe='')}"
        self._auth_tokens = valid_secrets(auth_token, previous_auth_token)
        self._from = {"MessagingServiceSid" if sender.startswith(_SERVICE) else "From": sender}
        self._status_url = status_url
        self._texts = texts

    async def send(self, message: SmsMessage) -> str:
        text = self._texts.render(message.template, message.locale, dict(message.data))
        form = {"To": message.to, "Body": text.body, "StatusCallback": self._status_url, **self._from}
        try:
            return await self._vendor.command(
                "send", "POST", f"{self._account}/Messages.json", lambda answer: str(answer.document["sid"]), data=form
            )
        except VendorRefusal as refusal:
            code = refusal.answer.get("code")
            if code in _REFUSED_RECIPIENTS:
                raise RecipientRefused("The SMS vendor does not take this number.") from None
            raise self._vendor.refused(refusal.status, code) from None

    def parse_status(self, raw: bytes, headers: Mapping[str, str], url: str) -> DeliveryReport:
        twilio_status.verify(raw, headers.get(twilio_status.SIGNATURE), url, self._auth_tokens)
        return twilio_status.read_status(raw)

    def read_status(self, raw: bytes) -> DeliveryReport:
        return twilio_status.read_status(raw)

    async def check(self) -> None:
        """Check that the vendor accepts our credentials. Raises Unavailable."""
        try:
            await self._vendor.call("check", "GET", f"{self._account}.json", lambda answer: answer.document["status"])
        except VendorRefusal as refusal:
            raise self._vendor.refused(refusal.status, refusal.answer.get("code")) from None


def _build(settings: TwilioSettings, tools: Tools) -> TwilioSms:
    adapter = TwilioSms(
        tools.internet(),
        tools.guard(RESILIENCE, RETRIED),
        tools.texts,
        account_sid=settings.twilio_account_sid or "",
        auth_token=settings.twilio_auth_token.get_secret_value(),
        previous_auth_token=secret_of(settings.twilio_auth_token_previous),
        sender=settings.twilio_from or "",
        status_url=tools.webhook_url,
        base_url=settings.twilio_api_url,
    )
    tools.add_check(adapter.check)
    return adapter


VENDOR: Final = Vendor(
    "twilio",
    TwilioSettings,
    _build,
    needs=("twilio_account_sid", "twilio_auth_token", "twilio_from"),
    told=twilio_status.TOLD,
)
