"""What mail and SMS vendors have in common: addresses that they refuse, and reports of what became of a message."""

from dataclasses import dataclass

from domain.errors import DropError
from domain.notification import NotificationStatus


class RecipientRefused(DropError):
    """The vendor will never deliver to this address."""

    code = "RECIPIENT_REFUSED"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one message. `status` is None for news that is not about delivery. `raw` is this event alone."""

    event_key: str
    raw: bytes
    notification_id: str | None
    vendor_message_id: str | None
    status: NotificationStatus | None
    detail: str
