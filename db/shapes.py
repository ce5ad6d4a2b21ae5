"""How objects of the domain lie in columns, said once: for rows, and for what one statement selects as JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Boolean, Column, Date, LargeBinary, Table
from sqlmodel import SQLModel

from db.columns import UtcDateTime
from domain.selection import NotCoveredError

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Lies:
    """The columns of one attribute, and what makes the attribute of their values."""

    columns: tuple[str, ...]
    make: Callable[..., Any] | None = None

    def of(self, row: SQLModel | None, beside: Mapping[str, object]) -> Any:
        found = [beside[name] if name in beside else getattr(row, name) for name in self.columns]
        return self.make(*found) if self.make is not None else found[0]


def column(name: str) -> Lies:
    """An attribute that is a column's value."""
    return Lies((name,))


def each(*names: str) -> dict[str, Lies]:
    """Attributes that are named as their columns."""
    return {name: column(name) for name in names}


def made(make: Callable[..., Any], *columns: str) -> Lies:
    """An attribute that `make` makes of the columns' values."""
    return Lies(columns, make)


def optional(make: Callable[[Any], Any], name: str) -> Lies:
    """As `made`, and None where the column is empty."""
    return Lies((name,), lambda value: make(value) if value else None)


@dataclass(frozen=True, slots=True)
class Shape(Generic[Model]):
    """`lies` has each attribute of `model`; a column that the table has not is told of beside the row."""

    model: Callable[..., Model]
    row: type[SQLModel]
    lies: Mapping[str, Lies]

    @property
    def table(self) -> Table:
        return self.row.__table__  # type: ignore[attr-defined, no-any-return]  # made by SQLModel

    def of(self, row: SQLModel, **beside: object) -> Model:
        """The object of a row, and of what no column has."""
        return self._of(row, beside)

    def attribute(self, name: str) -> Lies:
        """How an attribute lies: of columns, or computed by the object, which an empty name is itself.

        Raises NotCoveredError where there is none.
        """
        if name in self.lies:
            return self.lies[name]
        if name and not isinstance(getattr(self.model, name, None), property):
            raise NotCoveredError("attribute")
        columns = tuple(dict.fromkeys(column for lies in self.lies.values() for column in lies.columns))
        read = attrgetter(name) if name else None

        def make(*values: object) -> Any:
            found = self._of(None, dict(zip(columns, values, strict=True)))
            return found if read is None else read(found)

        return Lies(columns, make)

    def _of(self, row: SQLModel | None, beside: Mapping[str, object]) -> Model:
        return self.model(**{name: lies.of(row, beside) for name, lies in self.lies.items()})


def from_json(column: Column[Any]) -> Callable[[Any], Any] | None:
    """What makes a column's value of what JSON has of it, bytes as hexadecimal text; None where they are the same."""
    kind = column.type
    if isinstance(kind, LargeBinary):
        # SQLite gives an empty text for none.
        return lambda text: bytes.fromhex(text) if text else None
    if isinstance(kind, Boolean):
        return bool
    if isinstance(kind, UtcDateTime):
        return _time
    if isinstance(kind, Date):
        return _date
    return None


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text is not None else None
