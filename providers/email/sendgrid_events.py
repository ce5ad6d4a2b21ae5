"""SendGrid's signed event webhook. Source: docs/vendors/sendgrid.md, Event webhook."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from prometheus_client import Counter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sendgrid.helpers.eventwebhook import EventWebhook

from domain.errors import BadSignature, BadWebhook
from domain.notification import NotificationStatus
from providers.calling.vendor_http import document_of
from providers.delivery import DeliveryReport
from providers.told_webhooks import ToldWebhook

SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
# The vendor repeats a webhook for a day, and may send the first timestamp again.
_TOLERANCE: Final = timedelta(hours=24)
# A bounce is final, whether its type is `bounce` (a dead address) or `blocked` (this one message was turned down).
STATUS: Final[Mapping[str, NotificationStatus]] = {
    "delivered": NotificationStatus.DELIVERED,
    "bounce": NotificationStatus.BOUNCED,
    "dropped": NotificationStatus.BOUNCED,
}
TOLD: Final = ToldWebhook(("event", "email", "timestamp", "reason", "type", "notification_id"))
UNREADABLE: Final = Counter("drop_mail_events_unreadable_total", "Events of the mail vendor that could not be read.")
_log = structlog.get_logger()


# PostgreSQL stores no NUL.
_Word = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]+$")]


def _text(value: object) -> object:
    return value if isinstance(value, str) and "\0" not in value else None


class _Event(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    sg_event_id: _Word
    event: _Word
    sg_message_id: Annotated[str | None, BeforeValidator(_text)] = None
    notification_id: Annotated[str | None, BeforeValidator(_text)] = None


def verifier_of(encoded: str) -> EventWebhook:
    """For the key that the vendor's dashboard shows: DER in base64, without PEM lines. Raises ValueError."""
    verifier = EventWebhook(encoded)
    if not isinstance(verifier.public_key, EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")
    return verifier


def verify(raw: bytes, headers: Mapping[str, str], verifiers: Sequence[EventWebhook], now: datetime) -> None:
    """Check the signature, by one of the keys, and the age, at which the vendor's verifier does not look.

    Raises BadSignature.
    """
    signed_at = headers.get(TIMESTAMP, "")
    if not (signed_at.isascii() and signed_at.isdigit() and len(signed_at) <= 12):
        raise BadSignature("The event webhook's timestamp is missing or malformed.")
    try:
        body, given = raw.decode(), headers.get(SIGNATURE, "")
        is_signed = any(verifier.verify_signature(body, given, signed_at) for verifier in verifiers)
    except ValueError as error:  # not base64, or a body that is no text
        raise BadSignature("The signature cannot be read.") from error
    if not is_signed:
        raise BadSignature("The signature does not match the body.")
    if abs(now.timestamp() - int(signed_at)) > _TOLERANCE.total_seconds():
        raise BadSignature("The signature is too old, or of the future.")


def read_events(raw: bytes) -> Sequence[DeliveryReport]:
    """The reports in a body whose signature was verified. Raises BadWebhook.

    An event that cannot be read costs itself alone: refused, the vendor would repeat its whole batch for a day.
    """
    events = document_of(raw)
    if not isinstance(events, list):
        raise BadWebhook("Not a SendGrid delivery: a list of events is needed.")
    return list(_readable(events))


def _readable(events: list[object]) -> Iterator[DeliveryReport]:
    for event in events:
        try:
            yield read_event(orjson.dumps(event))
        except (BadWebhook, orjson.JSONEncodeError):
            UNREADABLE.inc()
            _log.warning("mail_event_unreadable", kind=type(event).__name__)


def read_event(raw: bytes) -> DeliveryReport:
    """The report in one event of such a body. Raises BadWebhook."""
    try:
        event = _Event.model_validate_json(raw)
    except ValidationError as error:
        raise BadWebhook("Not a SendGrid event: sg_event_id and event are needed.") from error
    return DeliveryReport(
        event_key=event.sg_event_id[:100],
        raw=raw,
        notification_id=event.notification_id,
        vendor_message_id=(event.sg_message_id or "").partition(".")[0] or None,
        status=STATUS.get(event.event),
        detail=event.event,
    )
