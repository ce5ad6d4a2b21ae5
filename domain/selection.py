"""What a known document asks of the database: a tree, which is read by one statement, at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.page import Form, Keyset
from domain.relation import Relation

# An object as it was read: its attributes in the order of its selection, then what lies beside it.
Row = Sequence[Any]


class PlanMode(StrEnum):
    """When a document is answered by a plan: never, from its second use on, at once, or beside graphql-core."""

    OFF = "off"
    KNOWN = "known"
    EAGER = "eager"
    COMPARE = "compare"


class NotCoveredError(Exception):
    """No plan can be made of a document, or answer a request. `reason` is one of a few words, for a counter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FaultyValueError(Exception):
    """A value that was read is none that its field may have: the ordinary way tells it as an error."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of an object: attributes of the domain's, and what lies beside it."""

    attributes: tuple[str, ...] = ()
    beside: tuple["Beside", ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """Another object, whose id stands in the attribute `key`, or a list; `page` is which of the request's pages.

    `wanted` is which of the request's ids names the object, one of the viewer's own.
    """

    relation: Relation
    each: Selection
    key: str | None = None
    page: int | None = None
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a request gives beside the document: the pages and the ids that it asks for."""

    pages: Sequence[Keyset] = ()
    ids: Sequence[str] = ()

    @property
    def form(self) -> tuple[Form, ...]:
        """What its statement depends on."""
        return tuple(page.form for page in self.pages)
