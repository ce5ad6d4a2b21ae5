"""What mail and SMS vendors have in common: refused recipients, and reports about the delivery of a message."""

from dataclasses import dataclass

from domain.errors import DropError
from domain.notification import NotificationStatus


class RecipientRefused(DropError):
    """The vendor will never deliver to this address or number, so a retry is useless."""

    code = "RECIPIENT_REFUSED"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a vendor reports about one message.

    `event_key` is the same when the vendor repeats the report. `status` is None for a report that does not change the
    message's status. `raw` is the body of this report alone, cut out of a batch, to be stored and read again.
    """

    event_key: str
    raw: bytes
    notification_id: str | None
    vendor_message_id: str | None
    status: NotificationStatus | None
    detail: str
