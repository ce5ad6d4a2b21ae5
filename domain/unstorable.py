"""Text that no database stores: NUL, and half a character (RFC 7493, 2.1)."""

from typing import Any


def is_unstorable(text: str) -> bool:
    """Whether the text has the character NUL, or a surrogate that stands alone."""
    if text.isascii():
        return "\0" in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return "\0" in text


def unstorable_in(value: Any, path: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Where in a value of JSON the first such text or name stands; None where there is none."""
    if isinstance(value, str):
        return path if is_unstorable(value) else None
    if isinstance(value, dict):
        if any(map(is_unstorable, value)):
            return path
        found = (unstorable_in(inner, (*path, name)) for name, inner in value.items())
    elif isinstance(value, list):
        found = (unstorable_in(inner, (*path, index)) for index, inner in enumerate(value))
    else:
        return None
    return next((where for where in found if where is not None), None)
