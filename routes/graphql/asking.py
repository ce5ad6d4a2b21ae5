"""One request for a document that has a plan, and the sources that the fields of its objects are read from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from domain.bank_account import Bank
from domain.selection import Beside, NotCoveredError, Request, Row, Selection
from domain.user import User
from resolvers.context import Context
from schema.types.view import View, reader_of

_COUNTRY = "NO"


@dataclass
class Asking:
    """The viewer, None where nobody is signed in; what the request gives; and what was read for it.

    `arguments` are those of fields whose resolvers wait for nothing, `given` those of fields that services answer, as
    they came, and `gathered` is what services gave.
    """

    user: User | None
    context: Context
    request: Request = field(default_factory=Request)
    arguments: Sequence[Mapping[str, Any]] = ()
    given: Sequence[Mapping[str, Any]] = ()
    row: Row = ()
    gathered: list[Any] = field(default_factory=list)

    @cached_property
    def banks(self) -> Mapping[str, Bank]:
        """By id. Raises NotCoveredError where the list must be read first."""
        known = self.context.services.bank_list.known(_COUNTRY)
        if known is None:
            raise NotCoveredError("banks")
        return {bank.id: bank for bank in known}


Read = Callable[[Any], Any]
Write = Callable[[Any, Asking], Any]
Fields = Sequence[tuple[str, Write]]


class Source(Protocol):
    """Where the fields of an object are read from."""

    def attribute(self, path: str) -> Read:
        """An attribute of the domain's object, by a path as `shown` takes it."""
        ...

    def beside(self, beside: Beside) -> Read:
        """What lies beside it in the database. Raises NotCoveredError where no row is read."""
        ...

    def object(self) -> Read:
        """What a resolver of the type takes for itself."""
        ...


class OfValue:
    """An object of the domain, within a row or from memory, as `view` shows it."""

    def __init__(self, view: type[View[Any]]) -> None:
        self._view = view

    def attribute(self, path: str) -> Read:
        return reader_of(path)

    def beside(self, beside: Beside) -> Read:
        raise NotCoveredError("value")

    def object(self) -> Read:
        return self._view.of


class OfMade:
    """What a resolver has made: an object of the schema that shows no single object of the domain."""

    def attribute(self, path: str) -> Read:
        raise NotCoveredError("value")

    def beside(self, beside: Beside) -> Read:
        raise NotCoveredError("value")

    def object(self) -> Read:
        return lambda made: made


class OfViewer:
    """The user, who was read with the session, and what was read beside."""

    def __init__(self, view: type[View[Any]], asked: list[Beside]) -> None:
        self._view = view
        self._asked = asked

    def attribute(self, path: str) -> Read:
        read = reader_of(path)
        return lambda asking: read(asking.user)

    def beside(self, beside: Beside) -> Read:
        place = len(self._asked)
        self._asked.append(beside)
        return lambda asking: asking.row[place]

    def object(self) -> Read:
        return lambda asking: self._view.of(asking.user)


@dataclass(slots=True)
class OfRow:
    """An object of the database: its attributes, then what lies beside it, placed once all fields are known."""

    view: type[View[Any]]
    attributes: list[str] = field(default_factory=list)
    asked: list[Beside] = field(default_factory=list)

    def attribute(self, path: str) -> Read:
        name, _, rest = path.partition(".")
        if name not in self.attributes:
            self.attributes.append(name)
        place = self.attributes.index(name)
        if not rest:
            return lambda row: row[place]
        read = reader_of(rest)
        return lambda row: None if row[place] is None else read(row[place])

    def beside(self, beside: Beside) -> Read:
        # Counted from the end, since more attributes may follow: the first that was asked stands last.
        self.asked.append(beside)
        place = -len(self.asked)
        return lambda row: row[place]

    def object(self) -> Read:
        # An empty name is the whole object: a resolver says not what it needs of it.
        whole = self.attribute("")
        return lambda row: self.view.of(whole(row))

    def selection(self) -> Selection:
        return Selection(tuple(self.attributes), tuple(reversed(self.asked)))
