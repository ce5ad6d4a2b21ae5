"""SendGrid's signed event webhook. Source: docs/vendors/sendgrid.md, Event webhook."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.errors import BadSignature, BadWebhook
from domain.notification import NotificationStatus
from providers.delivery import DeliveryReport

SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
# The vendor repeats a webhook for a day, and may send the first timestamp again.
_TOLERANCE: Final = timedelta(hours=24)
STATUS: Final[Mapping[str, NotificationStatus]] = {
    "delivered": NotificationStatus.DELIVERED,
    "bounce": NotificationStatus.BOUNCED,
    "dropped": NotificationStatus.BOUNCED,
}


class _Event(BaseModel):
    sg_event_id: str
    event: str
    sg_message_id: str | None = None
    notification_id: str | None = None
    reason: str | None = None
    type: str | None = None


_EVENTS: Final = TypeAdapter(list[dict[str, Any]])


def public_key_of(encoded: str) -> EllipticCurvePublicKey:
    """The key that the vendor's dashboard shows: DER in base64, without PEM lines. Raises ValueError."""
    key = load_der_public_key(base64.b64decode(encoded, validate=True))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")
    return key


def verify(raw: bytes, headers: Mapping[str, str], key: EllipticCurvePublicKey, now: datetime) -> None:
    """Check a signature: ECDSA with SHA-256 over timestamp and body. Raises BadSignature."""
    signed_at = headers.get(TIMESTAMP, "")
    if not (signed_at.isascii() and signed_at.isdigit() and len(signed_at) <= 12):
        raise BadSignature("The event webhook's timestamp is missing or malformed.")
    try:
        signature = base64.b64decode(headers.get(SIGNATURE, ""), validate=True)
        key.verify(signature, signed_at.encode() + raw, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise BadSignature("The signature does not match the body.") from error
    if abs(now.timestamp() - int(signed_at)) > _TOLERANCE.total_seconds():
        raise BadSignature("The signature is too old, or of the future.")


def read_events(raw: bytes) -> Sequence[DeliveryReport]:
    """The reports in a body whose signature was verified. Raises BadWebhook."""
    try:
        events = _EVENTS.validate_json(raw)
    except ValidationError as error:
        raise BadWebhook("Not a SendGrid delivery: a list of events is needed.") from error
    return [read_event(orjson.dumps(event)) for event in events]


def read_event(raw: bytes) -> DeliveryReport:
    """The report in one event of such a body. Raises BadWebhook."""
    try:
        event = _Event.model_validate_json(raw)
    except ValidationError as error:
        raise BadWebhook("Not a SendGrid event: sg_event_id and event are needed.") from error
    # A bounce of type `blocked` is temporary: the vendor tries again.
    is_temporary = event.event == "bounce" and event.type == "blocked"
    return DeliveryReport(
        event_key=event.sg_event_id[:100],
        raw=raw,
        notification_id=event.notification_id,
        vendor_message_id=event.sg_message_id.partition(".")[0] if event.sg_message_id else None,
        status=None if is_temporary else STATUS.get(event.event),
        detail=event.event,
    )
