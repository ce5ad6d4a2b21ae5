"""The sandbox's SMS vendor: it shows messages in its outbox, and signs its reports as Twilio does."""

from collections.abc import Mapping
from typing import Final

from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.declaration import MOCK, Tools, Vendor
from providers.delivery import DeliveryReport, RecipientRefused
from providers.setting_types import secret_of, valid_secrets
from providers.sms import twilio_status
from providers.sms.port import SmsMessage
from providers.sms.twilio import TwilioSettings
from providers.texts import Texts

RESILIENCE: Final = Resilience(timeout_s=5, breaker_failures=5, breaker_open_s=30)
RETRIED: Final[frozenset[str]] = frozenset()  # the message's job tries again, minutes later


class MockSms:
    """Sends SMS to the sandbox's outbox, which reports to `status_url`. `auth_token` verifies its reports."""

    def __init__(
        self,
        sandbox: SandboxClient,
        texts: Texts,
        *,
        auth_token: str,
        status_url: str,
        previous_auth_token: str | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._texts = texts
        self._auth_tokens = valid_secrets(auth_token, previous_auth_token)
        self._status_url = status_url

    async def send(self, message: SmsMessage) -> str:
        text = self._texts.render(message.template, message.locale, dict(message.data))
        body = {"To": message.to, "Body": text.body, "StatusCallback": self._status_url}
        try:
            return str((await self._sandbox.command("send", "/sms/messages", body))["sid"])
        except SandboxRefusal as refusal:
            raise RecipientRefused("The SMS vendor does not take this number.") from refusal

    def parse_status(self, raw: bytes, headers: Mapping[str, str], url: str) -> DeliveryReport:
        twilio_status.verify(raw, headers.get(twilio_status.SIGNATURE), url, self._auth_tokens)
        return twilio_status.read_status(raw)

    def read_status(self, raw: bytes) -> DeliveryReport:
        return twilio_status.read_status(raw)


def _build(settings: TwilioSettings, tools: Tools) -> MockSms:
    token, before = settings.twilio_auth_token.get_secret_value(), secret_of(settings.twilio_auth_token_previous)
    client = tools.sandbox(RESILIENCE, RETRIED)
    return MockSms(client, tools.texts, auth_token=token, status_url=tools.webhook_url, previous_auth_token=before)


VENDOR: Final = Vendor(MOCK, TwilioSettings, _build, address="twilio")
