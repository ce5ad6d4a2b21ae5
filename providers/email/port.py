"""Mail: sends messages by template, and reads the vendor's delivery reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ids import NotificationId
from domain.notification import Template
from providers.delivery import DeliveryReport


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """A mail to send. `locale` is a language tag such as nb-NO, and `data` fills the template.

    The vendor's delivery reports carry `notification_id`.
    """

    notification_id: NotificationId
    to: str
    to_name: str
    template: Template
    locale: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sender:
    """The mail address and the name that our mail comes from. Answers go to `reply_to`, None for the address itself."""

    address: str
    name: str
    reply_to: str | None = None


class Outgoing(Protocol):
    """Sends mail, and gets no delivery reports."""

    async def send(self, message: EmailMessage) -> str:
        """Send a mail. As `EmailProvider.send`."""


class EmailProvider(Protocol):
    """Sends mail, and reads the delivery reports that the vendor posts. Source: docs/vendors/sendgrid.md."""

    async def send(self, message: EmailMessage) -> str:
        """Send a mail, and give its id at the vendor. Not safe to repeat: the recipient may get the mail twice.

        Raises Unavailable (nothing was sent), InDoubt (it may have been sent) and RecipientRefused.
        """

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[DeliveryReport]:
        """Verify a webhook over its raw body, and read all reports in it. `headers` have lower-case names.

        Safe to repeat. Raises BadSignature, BadWebhook.
        """

    def read_event(self, raw: bytes) -> DeliveryReport:
        """Read a stored `DeliveryReport.raw`, which was verified before. Raises BadWebhook."""
