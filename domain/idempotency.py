"""Fingerprints of inputs: an idempotency key that is sent again must come with the same."""

import hashlib
import json


def fingerprint_of(*fields: object) -> str:
    """A SHA-256 in hex over an input's business fields, in order. The fields are JSON values."""
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()
