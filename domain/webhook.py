"""A vendor's webhook, as it was received and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WebhookStatus(StrEnum):
    """How far a stored webhook is. A PARKED one is tried again; an UNMATCHED one names nothing that Drop knows."""

    RECEIVED = "RECEIVED"
    PROCESSED = "PROCESSED"
    IGNORED = "IGNORED"
    PARKED = "PARKED"
    UNMATCHED = "UNMATCHED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A verified webhook. `event_key` tells it from the vendor's other events; `outcome` says what it did, or why not.

    `raw` is its body as it came; `attempts` are the times that it was processed.
    """

    id: str
    provider: str
    event_key: str
    raw: bytes
    received_at: datetime
    status: WebhookStatus = WebhookStatus.RECEIVED
    outcome: str | None = None
    attempts: int = 0
