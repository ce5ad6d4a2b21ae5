"""How a page of a list becomes the answer's connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType

from domain.selection import NotCoveredError
from routes.graphql.asking import Read, Write
from routes.graphql.writers import constant
from schema.types.paging import Cursors, PageOf


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read, and by what its cursors are made."""

    page: PageOf[Any]
    cursors: Cursors
    key: Sequence[Read]

    def cursor_of(self, item: Any) -> str:
        return self.cursors.cursor_of(tuple(part(item) for part in self.key))


def of_page(shown: GraphQLObjectType, name: str) -> Write:
    """A field of `pageInfo`."""
    match name:
        case "hasNextPage":
            return lambda page, asking: page.page.has_next
        case "hasPreviousPage":
            return lambda page, asking: page.page.has_previous
        case "startCursor":
            return lambda page, asking: page.cursor_of(page.page.items[0]) if page.page.items else None
        case "endCursor":
            return lambda page, asking: page.cursor_of(page.page.items[-1]) if page.page.items else None
        case "__typename":
            return constant(shown.name)
    raise NotCoveredError("field")
