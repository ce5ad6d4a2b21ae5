"""Reads the webhook that is signed with a shared secret. It only says what to ask the bank about."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from domain.errors import BadWebhook
from providers.open_banking.port import BankEvent

_Id = Annotated[str, Field(min_length=1, max_length=100)]


class _Payload(BaseModel):
    eventId: _Id
    type: _Id
    occurredAt: AwareDatetime
    paymentId: _Id | None = None
    endToEndIdentification: _Id | None = None
    consentId: _Id | None = None
    reference: _Id | None = None


def read(raw: bytes) -> BankEvent:
    """The event in a body whose signature was verified. Raises BadWebhook."""
    try:
        payload = _Payload.model_validate_json(raw)
    except ValidationError as error:
        raise BadWebhook("Not an open banking event: eventId, type and occurredAt are needed.") from error
    return BankEvent(
        event_key=payload.eventId,
        raw=raw,
        end_to_end_id=payload.endToEndIdentification,
        payment_reference=payload.paymentId,
        consent_id=payload.reference,
        consent_reference=payload.consentId,
    )
