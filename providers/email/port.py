"""Mail: sending a template to a user, and hearing what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import DropError
from domain.ids import NotificationId
from domain.notification import NotificationStatus, Template


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """`data` fills the template. `notification_id` comes back with the vendor's news."""

    notification_id: NotificationId
    to: str
    to_name: str
    template: Template
    locale: str
    data: Mapping[str, str]


class RecipientRefused(DropError):
    """The vendor will never deliver to this address."""

    code = "RECIPIENT_REFUSED"


@dataclass(frozen=True, slots=True)
class DeliveryNotice:
    """What became of one message. `status` is None for news that is not about delivery. `raw` is this event alone."""

    event_key: str
    raw: bytes
    notification_id: str | None
    vendor_message_id: str | None
    status: NotificationStatus | None
    detail: str


class EmailProvider(Protocol):
    async def send(self, message: EmailMessage) -> str:
        """Gives the vendor's id. A repeat after a lost answer may be delivered twice.

        Raises Unavailable, InDoubt, RecipientRefused.
        """

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[DeliveryNotice]:
        """Verify on the raw body, then read every event in it. Raises BadSignature, BadWebhook."""

    def read_event(self, raw: bytes) -> DeliveryNotice:
        """Read one event that was verified before. Raises BadWebhook."""
