"""Relay connections over keysets (GraphQL Cursor Connections Specification)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Annotated, Final, TypeVar

import strawberry

from domain.errors import InvalidInput
from domain.page import DatedKeyset, Keyset

Item = TypeVar("Item")
MAX_PAGE: Final = 100
DEFAULT_PAGE: Final = 20

First = Annotated[
    int | None, strawberry.argument(description="How many from the start, 1 to 100; 20 where neither is given.")
]
After = Annotated[str | None, strawberry.argument(description="Begin after this edge's cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 1 to 100.")]
Before = Annotated[str | None, strawberry.argument(description="End before this edge's cursor.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow after `endCursor`.")
    has_previous_page: bool = strawberry.field(description="Whether more lie before `startCursor`.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor.")
    end_cursor: str | None = strawberry.field(description="The last edge's cursor.")


def page_size(first: int | None, last: int | None) -> int:
    """The size of the page. Raises InvalidInput outside 1 to 100, or where `first` and `last` are both given."""
    if first is not None and last is not None:
        raise InvalidInput("BAD_USER_INPUT", "Give first or last, not both.", field=("first",))
    size = next((given for given in (first, last) if given is not None), DEFAULT_PAGE)
    if not 1 <= size <= MAX_PAGE:
        name = "last" if last is not None else "first"
        raise InvalidInput("BAD_USER_INPUT", f"{name} takes 1 to {MAX_PAGE}.", field=(name,))
    return size


def keyset(first: int | None, after: str | None, last: int | None, before: str | None) -> Keyset:
    """The keyset of a page, and one row more: the row tells whether another page follows."""
    return Keyset(
        _key_of(after, "after") if after is not None else None,
        _key_of(before, "before") if before is not None else None,
        page_size(first, last) + 1,
        backwards=last is not None,
    )


def dated_keyset(first: int | None, after: str | None, last: int | None, before: str | None) -> DatedKeyset:
    return DatedKeyset(
        _dated_key_of(after, "after") if after is not None else None,
        _dated_key_of(before, "before") if before is not None else None,
        page_size(first, last) + 1,
        backwards=last is not None,
    )


def page_of(
    found: Sequence[Item], keyset: Keyset | DatedKeyset, cursor_of: Callable[[Item], str]
) -> tuple[list[Item], PageInfo]:
    """The page in the list's order, from rows in the order in which they were read."""
    asked = keyset.limit - 1
    has_more = len(found) > asked
    items = list(found[:asked])
    if keyset.backwards:
        items.reverse()
    info = PageInfo(
        has_next_page=keyset.before is not None if keyset.backwards else has_more,
        has_previous_page=has_more if keyset.backwards else keyset.after is not None,
        start_cursor=cursor_of(items[0]) if items else None,
        end_cursor=cursor_of(items[-1]) if items else None,
    )
    return items, info


def cursor_of_key(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key_of(cursor: str, name: str) -> str:
    with suppress(binascii.Error, UnicodeError):
        key = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
        if key.isprintable() and 0 < len(key) <= 100:
            return key
    raise InvalidInput("INVALID_CURSOR", "Not a cursor of this list.", field=(name,))


def _dated_key_of(cursor: str, name: str) -> tuple[date, str]:
    day, separator, identifier = _key_of(cursor, name).partition("/")
    with suppress(ValueError):
        if separator:
            return date.fromisoformat(day), identifier
    raise InvalidInput("INVALID_CURSOR", "Not a cursor of this list.", field=(name,))
