"""SendGrid: mail by template, and its signed events. Source: docs/vendors/sendgrid.md, Sending.

The vendor's package builds the mail and verifies the events. Its client sends nothing: it blocks, and its errors carry
whole bodies.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import httpx
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from domain.clock import Clock
from domain.notification import Template
from providers.calling.guard import Guard, Resilience
from providers.calling.vendor_http import Answer, VendorHttp, VendorRefusal
from providers.declaration import Tools, Vendor
from providers.delivery import DeliveryReport, RecipientRefused
from providers.email import sendgrid_events, sendgrid_mail, smtp
from providers.email.fallback import WithBackup
from providers.email.port import EmailMessage, EmailProvider, Sender
from providers.email.smtp import SmtpSettings
from providers.setting_types import PREVIOUS, pairs_of, secret_of, valid_secrets
from providers.texts import Texts

BASE_URL: Final = "https://api.sendgrid.com"
RESILIENCE: Final = Resilience(
    timeout_s=5, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4), per_second=100
)
# Messages are missing: the vendor has no idempotency keys. The message's job tries again after 60, 300 and 900 s.
RETRIED: Final = frozenset({"check"})


class SendgridSettings(SmtpSettings):
    """SendGrid's credentials and templates."""

    sendgrid_api_url: str = Field(
        default=BASE_URL, description="SendGrid's address; https://api.eu.sendgrid.com keeps mail in the EU."
    )
    sendgrid_api_key: SecretStr | None = Field(
        default=None, description="SendGrid, Settings > API Keys (SG....): it needs the scope mail.send."
    )
    sendgrid_webhook_public_key: str | None = Field(
        default=None,
        description="SendGrid, Mail Settings > Event Webhook > verification key: base64 without PEM lines.",
    )
    sendgrid_webhook_public_key_previous: str | None = Field(
        default=None,
        description=PREVIOUS,
    )
    sendgrid_templates: Annotated[Mapping[Template, str], NoDecode, BeforeValidator(pairs_of)] = Field(
        default={},
        description="SendGrid's dynamic templates by ours: welcome=d-..., separated by commas; "
        "what has none is sent in our own words.",
    )


class SendgridEmail:
    """Sends mail through SendGrid.

    `templates` are the ids of the vendor's dynamic templates by our template. A mail without one has our own text.
    `webhook_public_key` (base64 DER) verifies the vendor's reports.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        guard: Guard,
        texts: Texts,
        *,
        api_key: str,
        webhook_public_key: str,
        previous_public_key: str | None = None,
        sender: Sender,
        templates: Mapping[Template, str],
        clock: Clock,
        base_url: str = BASE_URL,
    ) -> None:
        self._vendor = VendorHttp.bearing(http, guard, base_url=base_url, token=api_key)
        self._texts = texts
        self._sender = sender
        self._templates = templates
        keys = valid_secrets(webhook_public_key, previous_public_key)
        self._verifiers = [sendgrid_events.verifier_of(key) for key in keys]
        self._clock = clock

    async def send(self, message: EmailMessage) -> str:
        template = self._templates.get(message.template)
        body = sendgrid_mail.body_of(message, self._sender, self._texts, template)
        try:
            return await self._vendor.command("send", "POST", "/v3/mail/send", _message_id, json=body)
        except VendorRefusal as refusal:
            field = _field_of(refusal)
            if refusal.status == httpx.codes.BAD_REQUEST and ".to." in f"{field}.":
                raise RecipientRefused("The mail vendor does not take this address.") from None
            raise self._vendor.refused(refusal.status, field) from None

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[DeliveryReport]:
        sendgrid_events.verify(raw, headers, self._verifiers, self._clock.now())
        return sendgrid_events.read_events(raw)

    def read_event(self, raw: bytes) -> DeliveryReport:
        return sendgrid_events.read_event(raw)

    async def check(self) -> None:
        """Check that our key may send mail. Raises Unavailable."""
        try:
            scopes = await self._vendor.call(
                "check", "GET", "/v3/scopes", lambda answer: list(answer.document["scopes"])
            )
        except VendorRefusal as refusal:
            raise self._vendor.refused(refusal.status) from None
        if "mail.send" not in scopes:
            raise self._vendor.refused(httpx.codes.FORBIDDEN, "mail.send")


def _message_id(answer: Answer) -> str:
    if answer.status != httpx.codes.ACCEPTED:
        raise ValueError("not accepted")
    return answer.headers.get("x-message-id", "")


def _field_of(refusal: VendorRefusal) -> str:
    errors = refusal.answer.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    return str(first.get("field") or "") if isinstance(first, dict) else ""


def _build(settings: SendgridSettings, tools: Tools) -> EmailProvider:
    adapter = SendgridEmail(
        tools.internet(),
        tools.guard(RESILIENCE, RETRIED),
        tools.texts,
        api_key=secret_of(settings.sendgrid_api_key),
        webhook_public_key=settings.sendgrid_webhook_public_key or "",
        previous_public_key=settings.sendgrid_webhook_public_key_previous,
        sender=settings.email_sender,
        templates=settings.sendgrid_templates,
        clock=tools.clock,
        base_url=settings.sendgrid_api_url,
    )
    tools.add_check(adapter.check)
    backup = smtp.build_backup(settings, tools)
    return WithBackup(adapter, backup) if backup is not None else adapter


def _problems(settings: SendgridSettings) -> Sequence[str]:
    found = list(smtp.problems_of(settings))
    for name in ("sendgrid_webhook_public_key", "sendgrid_webhook_public_key_previous"):
        try:
            if (key := getattr(settings, name)) is not None:
                sendgrid_events.verifier_of(key)
        except ValueError:
            found.append(f"{name.upper()} must be the key that SendGrid shows, on one line.")
    return found


VENDOR: Final = Vendor(
    "sendgrid",
    SendgridSettings,
    _build,
    needs=("sendgrid_api_key", "sendgrid_webhook_public_key", "email_from_address"),
    told=sendgrid_events.TOLD,
    problems=_problems,
)
