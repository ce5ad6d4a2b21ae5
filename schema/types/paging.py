"""Relay connections over keysets (GraphQL Cursor Connections Specification)."""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar

import strawberry

from domain.errors import InvalidInput
from domain.page import Key, Keyset
from schema.types.absent import given

Item = TypeVar("Item")
Shown = TypeVar("Shown")
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


@strawberry.type(description="An object at its place in a list.")
class Edge(Generic[Shown]):
    node: Shown = strawberry.field(description="The object at this place in the list.")
    cursor: str = strawberry.field(description="Its place in the list.")


@strawberry.type(description="A page of a list, in the order of the list.")
class Connection(Generic[Shown]):
    edges: list[Edge[Shown]] = strawberry.field(description="The objects with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


@dataclass(frozen=True, slots=True)
class PageArguments:
    """Which page a client asks for, as it came."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None

    def size(self) -> int:
        """Raises InvalidInput outside 1 to 100, or where `first` and `last` are both given."""
        first, last = given(self.first), given(self.last)
        if first is not None and last is not None:
            raise InvalidInput("BAD_USER_INPUT", "Give first or last, not both.", field=("first",))
        size = next((given for given in (first, last) if given is not None), DEFAULT_PAGE)
        if not 1 <= size <= MAX_PAGE:
            name = "last" if last is not None else "first"
            raise InvalidInput("BAD_USER_INPUT", f"{name} takes 1 to {MAX_PAGE}.", field=(name,))
        return size


class PageOf(Generic[Item]):
    """What was read by a keyset as a page, in the order of the list."""

    def __init__(self, found: Sequence[Item], keyset: Keyset) -> None:
        self.items = list(found[: keyset.limit - 1])
        has_more = len(found) >= keyset.limit
        if keyset.backwards:
            self.items.reverse()
        self.has_next = keyset.before is not None if keyset.backwards else has_more
        self.has_previous = has_more if keyset.backwards else keyset.after is not None


class HasId(Protocol):
    """An item of a list that is ordered by its id."""

    @property
    def id(self) -> str: ...


def by_id(item: HasId) -> Key:
    """The key of most lists."""
    return (item.id,)


class Cursors:
    """The cursors of one list as it is filtered and ordered. `key` reads the parts of its items' keys from text.

    A cursor of another list, filter or order names no place in this one, and is refused.
    """

    def __init__(self, *which_list: str, key: Sequence[Callable[[str], Any]] = (str,)) -> None:
        self._list = hashlib.sha256("\n".join(which_list).encode()).hexdigest()[:12]
        self._key = key

    async def connection(
        self,
        asked: PageArguments,
        read: Callable[[Keyset], Awaitable[Sequence[Item]]],
        key_of: Callable[[Item], Key],
        show: Callable[[Item], Shown],
    ) -> Connection[Shown]:
        """The page that is asked for, of what `read` finds by a keyset. Raises InvalidInput."""
        keyset = self.keyset(asked)
        page = PageOf(await read(keyset), keyset)
        edges = [Edge(node=show(item), cursor=self.cursor_of(key_of(item))) for item in page.items]
        info = PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return Connection(edges=edges, page_info=info)

    def keyset(self, asked: PageArguments) -> Keyset:
        """What to read for a page: one item more, which tells whether another page follows. Raises InvalidInput."""
        size, backwards = asked.size(), given(asked.last) is not None
        after, before = self._key_of(asked.after, "after"), self._key_of(asked.before, "before")
        return Keyset(after, before, size + 1, backwards)

    def cursor_of(self, key: Key) -> str:
        """The place of the item with this key."""
        return base64.urlsafe_b64encode("/".join((self._list, *map(str, key))).encode()).decode()

    def _key_of(self, cursor: str | None, name: str) -> Key | None:
        cursor = given(cursor)
        if cursor is None:
            return None
        with suppress(binascii.Error, UnicodeError, ValueError):
            text = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
            which_list, *parts = text.split("/")
            if which_list == self._list and text.isprintable() and len(text) <= 120 and all(parts):
                return tuple(read(part) for read, part in zip(self._key, parts, strict=True))
        message = "Not a cursor of this list, as it is filtered and ordered."
        raise InvalidInput("INVALID_CURSOR", message, field=(name,))
