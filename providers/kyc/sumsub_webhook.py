"""Sumsub's webhooks: `X-Payload-Digest` over the raw body. Source: docs/vendors/sumsub.md, Webhooks."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.errors import BadSignature, BadWebhook
from domain.ids import UserId
from providers.kyc.port import KycEvent
from providers.told_webhooks import ToldWebhook

# SHA-1, which old dashboards still use, is refused.
ALGORITHMS: Final = {"HMAC_SHA256_HEX": hashlib.sha256, "HMAC_SHA512_HEX": hashlib.sha512}
# That a review began and ended. Not its result, whose labels may be about sanctions; nor that a person is on hold at
# a compliance officer, or that transactions were examined.
TOLD: Final = ToldWebhook(
    ("type", "applicantId", "externalUserId", "createdAtMs"),
    kind="type",
    kinds=("applicantCreated", "applicantPending", "applicantReviewed", "applicantReset"),
)
_EPOCH: Final = datetime.fromtimestamp(0, UTC)

# PostgreSQL stores no NUL.
_Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]


def _text(value: object) -> object:
    """Null where a text was, and parts that are no text at all, are as good as absent."""
    is_text = isinstance(value, str) and "\0" not in value
    return value if is_text or (isinstance(value, int | float) and not isinstance(value, bool)) else ""


_Text = Annotated[str, BeforeValidator(_text)]


class _Payload(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    type: _Word
    applicantId: _Word
    externalUserId: _Text = Field(default="", max_length=100)
    correlationId: _Text = Field(default="", max_length=100)
    createdAtMs: _Text = Field(default="", max_length=40)
    sandboxMode: bool | None = None


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """Check a signature. It has no timestamp: the event's key finds repeats. Raises BadSignature."""
    algorithm = ALGORITHMS.get(headers.get("x-payload-digest-alg", ""))
    given = headers.get("x-payload-digest", "")
    if algorithm is None or not given.isascii():
        raise BadSignature("The digest or its algorithm is missing or unknown.")
    made = [hmac.new(secret.encode(), raw, algorithm).hexdigest() for secret in secrets]
    if not any(hmac.compare_digest(expected, given) for expected in made):
        raise BadSignature("The digest does not match the body.")


def parse(raw: bytes, *, is_sandbox: bool | None = None) -> KycEvent:
    """The event in a body whose signature was verified. Raises BadWebhook.

    `is_sandbox` says whether our account is the vendor's sandbox: an event of the other environment is refused. None
    accepts both.
    """
    try:
        payload = _Payload.model_validate_json(raw)
    except ValidationError as error:
        raise BadWebhook("Not a Sumsub event: applicantId and type are needed.") from error
    if None not in (is_sandbox, payload.sandboxMode) and payload.sandboxMode is not is_sandbox:
        raise BadWebhook("The event is of the vendor's other environment: check where its webhooks are sent.")
    # Without a time, two events of one kind are told apart by their bodies.
    moment = payload.createdAtMs or hashlib.sha256(raw).hexdigest()
    return KycEvent(
        event_key=f"{payload.correlationId}:{payload.type}:{moment}:{payload.applicantId}",
        kind=payload.type,
        applicant_id=payload.applicantId,
        user_id=UserId(payload.externalUserId) if payload.externalUserId else None,
    )


def time_of(moment: object) -> datetime:
    """The time in UTC: a text such as `2020-02-21 13:23:19.321` (UTC) or `2020-02-21 13:23:19+0000`, or milliseconds.

    Raises ValueError, OverflowError.
    """
    if isinstance(moment, int | float):
        return _EPOCH + timedelta(milliseconds=moment)
    found = datetime.fromisoformat(str(moment))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
