"""Inputs that a client may leave out."""

from typing import TypeVar

from strawberry import UNSET

Value = TypeVar("Value")


def given(value: Value | None) -> Value | None:
    """The value that the client sent, None where it was left out or null, for fields where both mean the same."""
    return None if value is UNSET else value
