"""The audit trail: what was done, by whom and to what, sealed in a chain of hashes."""

import hashlib
import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

# The hash before the first entry's.
GENESIS: Final = "0" * 64
# The name of the operator for whom this task works; None where no operator has asked for it.
acting_operator: ContextVar[str | None] = ContextVar("acting_operator", default=None)


class Anomaly(StrEnum):
    """What a stranger can cause at will, so that it is counted by the minute. The values are stored."""

    SIGN_IN_FAILED = "sign_in_failed"
    WEBHOOK_FORGED = "webhook_forged"
    OPERATOR_REFUSED = "operator_refused"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry: ids and codes alone, no contact value. `operator` is who did it, where an operator did."""

    id: str
    action: str
    at: datetime
    user_id: str | None = None
    operator: str | None = None
    object_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What is hashed and exported; `at` in UTC to the microsecond."""
        return {
            "id": self.id,
            "action": self.action,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "user": self.user_id,
            "operator": self.operator,
            "object": self.object_id,
            "detail": dict(self.detail),
        }

    def hash_after(self, previous: str) -> str:
        """The SHA-256, in hex, of the hash before and this entry: a changed entry changes every hash that follows."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the chain: the number of an entry, from 1, and the hash up to it."""

    number: int = 0
    hash: str = GENESIS

    def after(self, entry: AuditEntry) -> "Place":
        return Place(self.number + 1, entry.hash_after(self.hash))


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry at its place. `entry` is None where its row is gone."""

    place: Place
    entry_id: str
    entry: AuditEntry | None


def misfit(before: Place, sealed: Sealed) -> str | None:
    """Why an entry does not follow the place before it; None where it does."""
    if sealed.place.number != before.number + 1:
        return f"number {before.number + 1} is missing"
    if sealed.entry is None:
        return "its row is gone"
    return None if before.after(sealed.entry) == sealed.place else "it was changed after it was sealed"
