"""SMS: sends messages by template, and reads the vendor's delivery reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.ids import NotificationId
from domain.notification import Template
from providers.delivery import DeliveryReport


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """A message to send. `to` is E.164, `locale` a language tag such as nb-NO, and `data` fills the template."""

    notification_id: NotificationId
    to: str
    template: Template
    locale: str
    data: Mapping[str, str]


class SmsProvider(Protocol):
    """Sends SMS, and reads the delivery reports that the vendor posts. Source: docs/vendors/twilio.md."""

    async def send(self, message: SmsMessage) -> str:
        """Send a message, and give its id at the vendor. Not safe to repeat: the recipient may get the message twice.

        Raises Unavailable (nothing was sent), InDoubt (it may have been sent) and RecipientRefused.
        """

    def parse_status(self, raw: bytes, headers: Mapping[str, str], url: str) -> DeliveryReport:
        """Verify a report over the called URL and its parameters, and read it. `headers` have lower-case names.

        Safe to repeat. Raises BadSignature, BadWebhook.
        """

    def read_status(self, raw: bytes) -> DeliveryReport:
        """Read a stored `DeliveryReport.raw`, which was verified before. Raises BadWebhook."""
