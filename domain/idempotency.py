"""What the same idempotency key must come with."""

import hashlib
import json


def fingerprint_of(*fields: object) -> str:
    """A hash of an input's business fields, which are JSON values."""
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()
