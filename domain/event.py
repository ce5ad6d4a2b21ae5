"""What happened to a user's objects, in order: the source of every subscription."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.ids import UserId


class EventKind(StrEnum):
    """What kind of object an event is about. The values are stored."""

    PAYMENT = "PAYMENT"
    KYC = "KYC"
    BANK_LINK = "BANK_LINK"
    BANK_ACCOUNT = "BANK_ACCOUNT"
    CARD = "CARD"
    UPLOAD = "UPLOAD"
    DATA_EXPORT = "DATA_EXPORT"
    PLAN_SUBSCRIPTION = "PLAN_SUBSCRIPTION"


class ChangeKind(StrEnum):
    """What a change did to its object. The values are stored, but for REMOVED: it is found when the event is read."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    REMOVED = "REMOVED"


class ViewerEventType(StrEnum):
    """What an item of the viewer's stream is about: the user at a snapshot or a gap, else an object."""

    VIEWER = "VIEWER"
    PAYMENT = "PAYMENT"
    KYC = "KYC"
    BANK_LINK = "BANK_LINK"
    BANK_ACCOUNT = "BANK_ACCOUNT"
    CARD = "CARD"
    UPLOAD = "UPLOAD"
    DATA_EXPORT = "DATA_EXPORT"
    PLAN_SUBSCRIPTION = "PLAN_SUBSCRIPTION"


@dataclass(frozen=True, slots=True)
class UserEvent:
    """One change of an object. `seq` rises by one per user; `fields` are what the object was then, as JSON."""

    user_id: UserId
    seq: int
    kind: EventKind
    object_id: str
    fields: Mapping[str, Any]
    at: datetime
    change: ChangeKind


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a user's stream of events. After a reset `epoch` differs, so that an older place is refused."""

    epoch: str
    seq: int


class StreamItemKind(StrEnum):
    """What a subscriber gets: the state as it is now, a change, or the state now because changes were missed."""

    SNAPSHOT = "SNAPSHOT"
    CHANGE = "CHANGE"
    RESUME_GAP = "RESUME_GAP"
