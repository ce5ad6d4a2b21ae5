"""Relay connections over keysets (GraphQL Cursor Connections Specification)."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Annotated, Final, TypeVar

import strawberry

from domain.errors import InvalidInput
from domain.page import DatedKeyset, Keyset
from schema.types.absent import given

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
    first, last = given(first), given(last)
    if first is not None and last is not None:
        raise InvalidInput("BAD_USER_INPUT", "Give first or last, not both.", field=("first",))
    size = next((given for given in (first, last) if given is not None), DEFAULT_PAGE)
    if not 1 <= size <= MAX_PAGE:
        name = "last" if last is not None else "first"
        raise InvalidInput("BAD_USER_INPUT", f"{name} takes 1 to {MAX_PAGE}.", field=(name,))
    return size


class Cursors:
    """The cursors of one list as it is filtered and ordered.

    A cursor of another list, filter or order names no place in this one, and is refused.
    """

    def __init__(self, *which_list: str) -> None:
        self._list = hashlib.sha256("\n".join(which_list).encode()).hexdigest()[:12]

    def keyset(self, first: int | None, after: str | None, last: int | None, before: str | None) -> Keyset:
        """The keyset of a page, and one row more, which tells whether another page follows. Raises InvalidInput."""
        after, last, before = given(after), given(last), given(before)
        return Keyset(
            self._key_of(after, "after") if after is not None else None,
            self._key_of(before, "before") if before is not None else None,
            page_size(first, last) + 1,
            backwards=last is not None,
        )

    def dated_keyset(self, first: int | None, after: str | None, last: int | None, before: str | None) -> DatedKeyset:
        """As `keyset`, over pairs of date and id."""
        after, last, before = given(after), given(last), given(before)
        return DatedKeyset(
            self._dated_key_of(after, "after") if after is not None else None,
            self._dated_key_of(before, "before") if before is not None else None,
            page_size(first, last) + 1,
            backwards=last is not None,
        )

    def page(
        self, found: Sequence[Item], keyset: Keyset | DatedKeyset, key_of: Callable[[Item], str]
    ) -> tuple[list[tuple[Item, str]], PageInfo]:
        """The page in the list's order, each item with its cursor, from rows in the order in which they were read."""
        asked = keyset.limit - 1
        has_more = len(found) > asked
        items = [(item, self._cursor_of(key_of(item))) for item in found[:asked]]
        if keyset.backwards:
            items.reverse()
        info = PageInfo(
            has_next_page=keyset.before is not None if keyset.backwards else has_more,
            has_previous_page=has_more if keyset.backwards else keyset.after is not None,
            start_cursor=items[0][1] if items else None,
            end_cursor=items[-1][1] if items else None,
        )
        return items, info

    def _cursor_of(self, key: str) -> str:
        return base64.urlsafe_b64encode(f"{self._list}/{key}".encode()).decode()

    def _key_of(self, cursor: str, name: str) -> str:
        with suppress(binascii.Error, UnicodeError):
            text = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
            which_list, _, key = text.partition("/")
            if which_list == self._list and key.isprintable() and 0 < len(key) <= 100:
                return key
        raise _invalid_cursor(name)

    def _dated_key_of(self, cursor: str, name: str) -> tuple[date, str]:
        day, separator, identifier = self._key_of(cursor, name).partition("/")
        with suppress(ValueError):
            if separator:
                return date.fromisoformat(day), identifier
        raise _invalid_cursor(name)


def _invalid_cursor(name: str) -> InvalidInput:
    message = "Not a cursor of this list, as it is filtered and ordered."
    return InvalidInput("INVALID_CURSOR", message, field=(name,))
