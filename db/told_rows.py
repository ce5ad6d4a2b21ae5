"""What an export shows of rows that hold more than their user may know, or that hold it packed.

Whether a person is suspected, examined or reported may not be disclosed to that person (hvitvaskingsloven § 28), and
operators' notes are theirs. The rows themselves stay whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from db.timeline_body import unpack
from domain.event import EventKind
from domain.snapshot import told_kyc_fields

Row = Mapping[str, Any]
# What of an audit entry's detail is no operator's note.
_TOLD_OF_AUDIT: Final = frozenset({"port", "from", "to", "outcome", "version", "fields", "client"})
_TOLD_OF_PENDING: Final = ("address", "expires_at")


def as_it_is(row: Row) -> Sequence[Row]:
    return [row]


def told_kyc(row: Row) -> Sequence[Row]:
    return [told_kyc_fields(row)]


def told_event(row: Row) -> Sequence[Row]:
    """An event with the snapshot in it as the user may know it."""
    return [{**row, "fields": told_kyc_fields(row["fields"])} if row["kind"] == EventKind.KYC else row]


def told_user(row: Row) -> Sequence[Row]:
    """A new contact that waits for its code, without the code's hash."""
    pending = row["pending_contacts"] or {}
    shown = {kind: {name: one[name] for name in _TOLD_OF_PENDING} for kind, one in pending.items()}
    return [{**row, "pending_contacts": shown}]


def told_audit(row: Row) -> Sequence[Row]:
    return [{**row, "detail": {name: value for name, value in row["detail"].items() if name in _TOLD_OF_AUDIT}}]


def unpacked_timeline(row: Row) -> Sequence[Row]:
    """The lines of a timeline's row. Raises ValueError on a version that a newer release wrote."""
    row = dict(row)
    body = row.pop("body")
    if body is None:
        return [row]
    return [
        {
            **row,
            "trace_id": trace_id,
            "kind": entry.kind,
            "summary": entry.summary,
            "outcome": entry.outcome,
            "webhook_id": entry.webhook_id,
            "at": entry.at,
        }
        for trace_id, entry in unpack(body, row["at"])
    ]
