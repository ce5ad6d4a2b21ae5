"""The parts of a vendor's JSON, read leniently: what is not of the kind that is asked for is not there."""

from collections.abc import Mapping
from typing import Any


def as_list(value: object) -> list[Any]:
    """A list as it is, nothing as an empty one, and one item as a list of it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: object) -> str | None:
    """A text as the database takes it, None for an empty one and for what is no text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return value.replace("\0", "").encode("utf-8", "replace").decode().strip() or None


def objects_in(values: object) -> list[Mapping[str, Any]]:
    """The objects of a list, without what is none."""
    return [value for value in as_list(values) if isinstance(value, Mapping)]


def texts_in(values: object) -> list[str]:
    """The texts of a list, without what is none."""
    return [found for value in as_list(values) if (found := text(value))]


def within(item: object, *names: str) -> Any:
    """What stands at a path of names, None where there is nothing."""
    found: Any = item
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
