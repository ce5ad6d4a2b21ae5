"""Mail: sending a template to a user, and hearing what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ids import NotificationId
from domain.notification import Template
from providers.delivery import DeliveryReport


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """`data` fills the template. `notification_id` comes back with the vendor's news."""

    notification_id: NotificationId
    to: str
    to_name: str
    template: Template
    locale: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mail is from."""

    address: str
    name: str


class Outgoing(Protocol):
    """What hands a mail over, and hears nothing of what becomes of it."""

    async def send(self, message: EmailMessage) -> str:
        """As `EmailProvider.send`."""


class EmailProvider(Protocol):
    async def send(self, message: EmailMessage) -> str:
        """Gives the vendor's id. A repeat after a lost answer may be delivered twice.

        Raises Unavailable, InDoubt, RecipientRefused.
        """

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[DeliveryReport]:
        """Verify on the raw body, then read every event in it. Raises BadSignature, BadWebhook."""

    def read_event(self, raw: bytes) -> DeliveryReport:
        """Read one event that was verified before. Raises BadWebhook."""
