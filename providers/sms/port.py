"""SMS: sending a template to a phone, and hearing what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.ids import NotificationId
from domain.notification import Template
from providers.delivery import DeliveryReport


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """`to` is E.164. `status_url` is the address that the vendor reports to."""

    notification_id: NotificationId
    to: str
    template: Template
    locale: str
    data: Mapping[str, str]
    status_url: str


class SmsProvider(Protocol):
    async def send(self, message: SmsMessage) -> str:
        """Gives the vendor's id. A repeat after a lost answer may be delivered twice.

        Raises Unavailable, InDoubt, RecipientRefused.
        """

    def parse_status(self, raw: bytes, headers: Mapping[str, str], url: str) -> DeliveryReport:
        """Verify over the called address and every parameter, then read. Raises BadSignature, BadWebhook."""

    def read_status(self, raw: bytes) -> DeliveryReport:
        """Read a report that was verified before. Raises BadWebhook."""
