"""New identifiers."""

from datetime import datetime

from ulid import ULID


def new_id(prefix: str, at: datetime) -> str:
    """`pay_01J...`: a ULID of the product's time, so ids sort as their rows were made."""
    return f"{prefix}_{ULID.from_datetime(at)}"
