"""The sandbox's mail vendor: it shows mails in its outbox, and signs its reports as SendGrid does."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel, Field, SecretStr

from domain.clock import Clock
from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.declaration import MOCK, Tools, Vendor
from providers.delivery import DeliveryReport, RecipientRefused
from providers.email import sendgrid_events
from providers.email.mock_key import public_key_of
from providers.email.port import EmailMessage
from providers.setting_types import MOCK_SECRET
from providers.texts import Texts

RESILIENCE: Final = Resilience(timeout_s=5, breaker_failures=5, breaker_open_s=30)
RETRIED: Final[frozenset[str]] = frozenset()  # the message's job tries again, minutes later


class MockEmailSettings(BaseModel):
    """The key of the mock mail vendor."""

    mock_mail_key: SecretStr = Field(
        default=SecretStr(MOCK_SECRET), description="From which the mock mail vendor's signing key is made."
    )


class MockEmail:
    """Sends mail to the sandbox's outbox. `webhook_public_key` (base64 DER) verifies its reports."""

    def __init__(self, sandbox: SandboxClient, texts: Texts, *, webhook_public_key: str, clock: Clock) -> None:
        self._sandbox = sandbox
        self._texts = texts
        self._verifiers = [sendgrid_events.verifier_of(webhook_public_key)]
        self._clock = clock

    async def send(self, message: EmailMessage) -> str:
        text = self._texts.render(message.template, message.locale, dict(message.data))
        body = {
            "to": {"email": message.to, "name": message.to_name},
            "subject": text.subject,
            "text": text.body,
            "categories": [message.template],
            "custom_args": {"notification_id": message.notification_id},
        }
        try:
            return str((await self._sandbox.command("send", "/mail/send", body))["messageId"])
        except SandboxRefusal as refusal:
            raise RecipientRefused("The mail vendor does not take this address.") from refusal

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[DeliveryReport]:
        sendgrid_events.verify(raw, headers, self._verifiers, self._clock.now())
        return sendgrid_events.read_events(raw)

    def read_event(self, raw: bytes) -> DeliveryReport:
        return sendgrid_events.read_event(raw)


def _build(settings: MockEmailSettings, tools: Tools) -> MockEmail:
    key = public_key_of(settings.mock_mail_key.get_secret_value())
    return MockEmail(tools.sandbox(RESILIENCE, RETRIED), tools.texts, webhook_public_key=key, clock=tools.clock)


VENDOR: Final = Vendor(MOCK, MockEmailSettings, _build, address="sendgrid")
