"""Ids of banks and vendors, which may have any characters: in an address, in a header and in a stored reference."""

from typing import Final
from urllib.parse import quote, unquote

# What separates the parts of a reference is quoted, and what no reference of an earlier release has in it.
_KEPT_IN_REFERENCES: Final = "!#$&'()*+:;=?@[]~"


def in_path(identifier: str) -> str:
    """The id as one segment of a path (RFC 3986, 3.3)."""
    return quote(identifier, safe="")


def in_header(identifier: str) -> str:
    """The id as a header takes it: as it is, unless a header cannot have its characters (RFC 9110, 5.5)."""
    is_plain = identifier.isascii() and identifier.isprintable()
    return identifier if is_plain else in_path(identifier)


def in_reference(identifier: str) -> str:
    """The id as a part of a reference whose parts are separated by slashes or commas."""
    return quote(identifier, safe=_KEPT_IN_REFERENCES)


def from_reference(part: str) -> str:
    """The id that `in_reference` has written."""
    return unquote(part)
