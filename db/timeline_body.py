"""The lines of a timeline's row, packed: few bytes, since a payment has some twenty of them.

The form is stored. A change of it, or of the words, takes a new version and reads the old ones for as long as lines are
kept (`db/retention.py`).
"""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.timeline import TimelineEntry, TimelineKind

Line = tuple[str, TimelineEntry]
_VERSION: Final = b"\x01"
# What most lines are made of, the commonest last: zlib finds best what stands near the end.
_COMMON: Final = (
    ("WEBHOOK", "from openbanking", "refused: The signature does not match the body."),
    ("WEBHOOK", "from stripe", "stored before, answered again"),
    ("TRANSITION", "version 5", "EXPIRED"),
    ("TRANSITION", "version 5", "CANCELLED"),
    ("TRANSITION", "version 4", "REJECTED"),
    ("TRANSITION", "version 4", "FAILED, in doubt"),
    ("VENDOR_CALL", "open_banking: cancel", "no answer (VendorTrouble)"),
    ("JOB", "settle_refund", "failed (Unavailable), try 2"),
    ("OPERATION", "cancelPayment", "INVALID_STATE"),
    ("OPERATION", "refundCardPayment", "answered"),
    ("VENDOR_CALL", "card_payments: refund", "answered"),
    ("REDIRECT", "back from the card's page", "the card vendor is asked"),
    ("JOB", "ask_bank", "done"),
    ("PUSH", "version 2", "sent to a subscriber"),
    ("OPERATION", "confirmCardPayment", "answered"),
    ("VENDOR_CALL", "card_payments: confirm", "answered"),
    ("OPERATION", "createCardPayment", "answered"),
    ("TRANSITION", "version 1", "CREATED"),
    ("VENDOR_CALL", "card_payments: create", "answered"),
    ("TRANSITION", "version 2", "AUTHORISATION_REQUIRED"),
    ("OPERATION", "initiatePayment", "answered"),
    ("TRANSITION", "version 1", "CREATED"),
    ("VENDOR_CALL", "open_banking: balances", "answered"),
    ("VENDOR_CALL", "open_banking: initiate", "answered"),
    ("TRANSITION", "version 2", "AUTHORISATION_REQUIRED"),
    ("REDIRECT", "back from the bank's page", "the bank is asked"),
    ("VENDOR_CALL", "open_banking: status", "answered"),
    ("TRANSITION", "version 3", "PROCESSING"),
    ("JOB", "match_lines", "done"),
    ("WEBHOOK", "processed, from openbanking", "the payment is PROCESSING already"),
    ("TRANSITION", "version 4", "SETTLED"),
    ("WEBHOOK", "processed, from openbanking", "PROCESSING -> SETTLED", "whk_01"),
    ("VENDOR_CALL", "card_payments: retrieve", "answered"),
    ("JOB", "ask_card_vendor", "done"),
    ("WEBHOOK", "processed, from stripe", "the payment is SETTLED already", "whk_01"),
    ("JOB", "process_webhook", "done"),
)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


_WORDS: Final = _json([[0, 0, *line] for line in _COMMON])


def pack(lines: Sequence[Line], at: datetime) -> bytes:
    """The lines, each with its trace, of a row of the time `at`."""
    traces = list(dict.fromkeys(trace for trace, _ in lines))
    told = [
        [
            traces.index(trace),
            (entry.at - at) // timedelta(milliseconds=1),
            entry.kind,
            entry.summary,
            entry.outcome,
            *([entry.webhook_id] if entry.webhook_id else []),
        ]
        for trace, entry in lines
    ]
    packing = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=_WORDS)
    return _VERSION + packing.compress(_json([traces, told])) + packing.flush()


def unpack(body: bytes, at: datetime) -> list[Line]:
    """The lines of a row of the time `at`, in order. Raises ValueError on a version that a newer release wrote."""
    if body[:1] != _VERSION:
        raise ValueError(f"timeline lines of version {body[0]}")
    unpacking = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_WORDS)
    traces, told = json.loads(unpacking.decompress(body[1:]))
    return [
        (
            traces[trace],
            TimelineEntry(TimelineKind(kind), summary, outcome, at + timedelta(milliseconds=after_ms), *webhook),
        )
        for trace, after_ms, kind, summary, outcome, *webhook in told
    ]
