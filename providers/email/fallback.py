"""A mail vendor with a backup, which sends a mail if the vendor fails."""

from collections.abc import Mapping, Sequence

import structlog

from domain.errors import InDoubt, Unavailable, VendorRefusesUs
from providers.delivery import DeliveryReport
from providers.email.port import EmailMessage, EmailProvider, Outgoing

_log = structlog.get_logger()


class WithBackup:
    """Sends mail through `first`, and through `backup` if `first` fails.

    If both fail, the error of `first` is raised, and the job tries again. VendorRefusesUs of either is raised.
    """

    def __init__(self, first: EmailProvider, backup: Outgoing) -> None:
        self._first = first
        self._backup = backup

    async def send(self, message: EmailMessage) -> str:
        try:
            return await self._first.send(message)
        except (Unavailable, InDoubt) as error:
            # Also if `first` may have sent the mail: a mail that comes twice does less harm than a missing one.
            try:
                sent = await self._backup.send(message)
            except VendorRefusesUs:
                # Told as it is, since operators alone can mend it.
                raise
            except (Unavailable, InDoubt):
                raise error from None
            _log.warning("mail_sent_by_backup", notification_id=message.notification_id, error=type(error).__name__)
            return sent

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[DeliveryReport]:
        return self._first.parse_webhook(raw, headers)

    def read_event(self, raw: bytes) -> DeliveryReport:
        return self._first.read_event(raw)
