"""Twilio's status callback. Source: docs/vendors/twilio.md, Status callback."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from domain.errors import BadSignature, BadWebhook
from domain.notification import NotificationStatus
from providers.delivery import DeliveryReport
from providers.told_webhooks import ToldWebhook

SIGNATURE: Final = "x-twilio-signature"
STATUS: Final[Mapping[str, NotificationStatus]] = {
    "delivered": NotificationStatus.DELIVERED,
    "undelivered": NotificationStatus.BOUNCED,
    "failed": NotificationStatus.BOUNCED,
}

TOLD: Final = ToldWebhook(("MessageSid", "MessageStatus", "To", "From", "ErrorCode"))


def verify(raw: bytes, signature: str | None, url: str, auth_tokens: Sequence[str]) -> None:
    """Check a signature: HMAC-SHA1 over the URL and all parameters, sorted by name, by one of the tokens.

    Raises BadSignature, BadWebhook.
    """
    signed = url + "".join(name + value for name, value in sorted(_parameters(raw)))
    given = (signature or "").encode()
    made = [base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()) for token in auth_tokens]
    if not any(hmac.compare_digest(expected, given) for expected in made):
        raise BadSignature("X-Twilio-Signature is missing or does not match.")


def read_status(raw: bytes) -> DeliveryReport:
    """The report in a body whose signature was verified. Raises BadWebhook."""
    values = dict(_parameters(raw))
    message, status = values.get("MessageSid"), values.get("MessageStatus")
    if not message or not status:
        raise BadWebhook("Not a status callback: MessageSid and MessageStatus are needed.")
    error = values.get("ErrorCode")
    return DeliveryReport(
        event_key=f"{message[:64]}:{status[:32]}",
        raw=raw,
        notification_id=None,
        vendor_message_id=message,
        status=STATUS.get(status),
        detail=f"{status} {error}" if error else status,
    )


def _parameters(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=100)
    except ValueError as error:
        raise BadWebhook("The body is not a form.") from error
