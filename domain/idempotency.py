"""Fingerprints of inputs: an idempotency key that is sent again must come with the same."""

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsedKey:
    """What an idempotency key was sent with, and the id of the object that it gave."""

    fingerprint: str
    object_id: str


def fingerprint_of(*fields: object) -> str:
    """A SHA-256 in hex over an input's business fields, in order. The fields are JSON values."""
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()
