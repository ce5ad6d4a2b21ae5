"""A tree of what is asked, as one statement for either database, and as the reader of what it gives.

Each object is a JSON array: its columns, then what lies beside it. Arrays, since objects would double the work.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.engine import Dialect
from sqlmodel.ext.asyncio.session import AsyncSession

from db.shapes import Lies, Shape, from_json
from db.ways import COMPUTED, DAY, WAYS, Way
from domain.ids import UserId
from domain.page import Form
from domain.selection import Beside, FaultyValueError, NotCoveredError, Request, Row, Selection

# PostgreSQL takes 100 arguments of a function, and SQLite 127.
_AT_MOST: Final = 90
# Objects within objects: SQLite's parser gives up at the sixth.
_DEEPEST: Final = 5
# Objects and lists in one statement, each of which takes about a millisecond to make.
_MOST: Final = 40
_OWNER: Final = "user_id"
Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement, the names of its values in their order, those that never change, what each needs for the driver."""

    sql: str
    names: Sequence[str]
    fixed: Mapping[str, Any]
    processors: Mapping[str, Callable[[Any], Any]]
    read: Callable[[Any], Row]

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        given = {**self.fixed, **given}
        return tuple(
            self.processors[name](given[name]) if name in self.processors else given[name] for name in self.names
        )


class SelectionQueries:
    """Reads trees. No method writes."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def read(self, user_id: UserId, asked: Selection, request: Request, day: date) -> Row:
        """What lies beside the user, of one moment.

        Raises NotCoveredError for what no statement is made of, and FaultyValueError for what no object may have.
        """
        prepared = prepare(asked, request.form, self._session.get_bind().dialect)
        connection = await self._session.connection()
        found = await connection.exec_driver_sql(prepared.sql, prepared.values(_values_of(user_id, request, day)))
        values = orjson.loads(found.scalar_one())
        try:
            return prepared.read(values)
        except (ValueError, TypeError) as error:
            raise FaultyValueError from error


@lru_cache(256)
def prepare(asked: Selection, forms: tuple[Form, ...], dialect: Dialect) -> Prepared:
    """The statement of what is asked beside a user. Raises NotCoveredError."""
    if _depth_of(asked) > _DEEPEST:
        raise NotCoveredError("depth")
    if _count_of(asked) > _MOST:
        raise NotCoveredError("width")
    building = _Statement(forms, is_sqlite=dialect.name == "sqlite")
    columns, readers = building.beside(asked, None, None)
    compiled = select(building.text(columns)).compile(dialect=dialect)
    processors = {
        name: bound.type.dialect_impl(dialect).bind_processor(dialect) for name, bound in compiled.binds.items()
    }
    fixed = {name: bound.value for name, bound in compiled.binds.items() if not bound.required}
    return Prepared(
        compiled.string,
        compiled.positiontup or (),
        fixed,
        {name: process for name, process in processors.items() if process is not None},
        lambda found: [read(found) for read in readers],
    )


def _depth_of(asked: Selection) -> int:
    return max((1 + _depth_of(beside.each) for beside in asked.beside), default=0)


def _count_of(asked: Selection) -> int:
    return sum(1 + _count_of(beside.each) for beside in asked.beside)


def _values_of(user_id: UserId, request: Request, day: date) -> dict[str, Any]:
    values: dict[str, Any] = {_OWNER: user_id, DAY: day}
    values |= {f"id_{number}": wanted for number, wanted in enumerate(request.ids)}
    for number, page in enumerate(request.pages):
        values[f"limit_{number}"] = page.limit
        for name, key in (("after", page.after), ("before", page.before)):
            values |= {f"{name}_{number}_{part}": value for part, value in enumerate(key or ())}
    return values


@dataclass(frozen=True, slots=True)
class _Statement:
    forms: tuple[Form, ...]
    is_sqlite: bool

    def text(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
        array = self._array(columns)
        return array if self.is_sqlite else array.cast(Text)

    def beside(
        self, asked: Selection, source: FromClause | None, shape: Shape[Any] | None, offset: int = 0
    ) -> tuple[list[ColumnElement[Any]], list[Reader]]:
        """What lies beside an object, and how each is read from the object's array, from `offset` on."""
        columns: list[ColumnElement[Any]] = []
        readers: list[Reader] = []
        for place, beside in enumerate(asked.beside, start=offset):
            column, read = self._one(beside, source, shape)
            columns.append(column)
            readers.append(_at(place, read))
        return columns, readers

    def _one(
        self, beside: Beside, source: FromClause | None, of: Shape[Any] | None
    ) -> tuple[ColumnElement[Any], Reader]:
        way = WAYS.get(beside.relation)
        if way is None:
            raise NotCoveredError("relation")
        table = way.shape.table.alias()
        query = select(*(table.c[name] for name in _needed(beside.each, way))).select_from(table)
        if _OWNER in table.c:
            query = query.where(table.c[_OWNER] == bindparam(_OWNER))
        elif source is None:
            raise NotCoveredError("owner")
        is_list = beside.key is None and beside.wanted is None
        if way.only is not None and (is_list or way.is_only_one):
            query = query.where(way.only(table))
        if beside.wanted is not None:
            query = query.where(table.c.id == bindparam(f"id_{beside.wanted}", type_=Text))
        elif source is None:
            assert is_list or way.is_only_one  # what is the viewer's own
        elif beside.key is not None:
            assert of is not None  # the shape of the source
            key = of.attribute(beside.key).columns[0]
            query = query.where(table.c.id == source.c[key]).correlate(source)
        else:
            assert way.of is not None  # a list of an object's
            query = query.where(table.c[way.of] == source.c.id).correlate(source)
        if is_list:
            query = self._page(query, table, way, beside.page)
        found = query.subquery()
        array, read = self._object(beside.each, way.shape, found)
        if not is_list:
            return self._nested(select(array).select_from(found)), _or_none(read)
        return self._nested(select(self._list(array)).select_from(found)), _each(read)

    def _object(self, asked: Selection, shape: Shape[Any], source: FromClause) -> tuple[ColumnElement[Any], Reader]:
        # A column that several attributes are made of stands in the array once.
        columns: dict[str, ColumnElement[Any]] = {}
        readers: list[Reader] = []
        for attribute in asked.attributes:
            lies = _lies_of(shape, attribute)
            decoders = []
            for name in lies.columns:
                column, decode = self._column(shape, name, source)
                columns.setdefault(name, column)
                decoders.append((list(columns).index(name), decode))
            readers.append(_attribute(decoders, lies.make))
        more, more_readers = self.beside(asked, source, shape, len(columns))
        read_all = (*readers, *more_readers)
        return self._array([*columns.values(), *more]), lambda found: [read(found) for read in read_all]

    def _column(self, shape: Shape[Any], name: str, source: FromClause) -> tuple[ColumnElement[Any], Reader | None]:
        if name in COMPUTED:
            computed = COMPUTED[name](source)
            return computed, bool if isinstance(computed.type, Boolean) else None
        kept, column = shape.table.c[name], source.c[name]
        if isinstance(kept.type, LargeBinary):
            return func.hex(column) if self.is_sqlite else func.encode(column, "hex"), from_json(kept)
        if isinstance(kept.type, JSON) and self.is_sqlite:
            return func.json(column), None
        return column, from_json(kept)

    def _page(self, query: Select[Any], table: FromClause, way: Way, page: int | None) -> Select[Any]:
        key = [table.c[name] for name in way.order]
        if page is None:
            return query.order_by(*_ordered(key, way.newest_first)).limit(way.counted)
        has_after, has_before, backwards = self.forms[page]
        for name, is_given in (("after", has_after), ("before", has_before)):
            if is_given:
                bound = tuple_(*(bindparam(f"{name}_{page}_{n}", type_=part.type) for n, part in enumerate(key)))
                later = (name == "after") != way.newest_first
                query = query.where(tuple_(*key) > bound if later else tuple_(*key) < bound)
        ordered = _ordered(key, way.newest_first != backwards)
        return query.order_by(*ordered).limit(bindparam(f"limit_{page}", type_=Integer))

    def _array(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
        if len(columns) > _AT_MOST:
            raise NotCoveredError("width")
        return func.json_array(*columns) if self.is_sqlite else func.json_build_array(*columns)

    def _list(self, array: ColumnElement[Any]) -> ColumnElement[Any]:
        return (
            func.json_group_array(array)
            if self.is_sqlite
            else func.coalesce(func.json_agg(array), literal_column("'[]'::json"))
        )

    def _nested(self, query: Select[Any]) -> ColumnElement[Any]:
        """SQLite takes JSON from a subquery for a text unless it is told."""
        return func.json(query.scalar_subquery()) if self.is_sqlite else query.scalar_subquery()


def _needed(asked: Selection, way: Way) -> list[str]:
    """The columns that an object is made of, and by which what lies beside it is found."""
    own = way.shape.table.c
    attributes = [*asked.attributes, *(beside.key for beside in asked.beside if beside.key is not None)]
    columns = [column for attribute in attributes for column in _lies_of(way.shape, attribute).columns]
    return [name for name in dict.fromkeys(["id", *columns, *way.order]) if name in own]


def _lies_of(shape: Shape[Any], attribute: str) -> Lies:
    if attribute in COMPUTED and attribute not in shape.lies:
        return Lies((attribute,))
    return shape.attribute(attribute)


def _ordered(key: Sequence[ColumnElement[Any]], is_descending: bool) -> list[ColumnElement[Any]]:
    return [part.desc() if is_descending else part.asc() for part in key]


def _attribute(parts: Sequence[tuple[int, Reader | None]], make: Callable[..., Any] | None) -> Reader:
    """Reads an attribute from an object's array, in which its columns stand at these places."""
    if len(parts) == 1:
        return _made(_at(*parts[0]), make)
    found_at = [_at(*part) for part in parts]
    assert make is not None  # of several columns something is made
    return lambda found: make(*(part(found) for part in found_at))


def _at(place: int, read: Reader | None) -> Reader:
    if read is None:
        return itemgetter(place)
    return lambda found: read(found[place])


def _made(read: Reader, make: Callable[..., Any] | None) -> Reader:
    return read if make is None else lambda found: make(read(found))


def _or_none(read: Reader) -> Reader:
    return lambda found: None if found is None else read(found)


def _each(read: Reader) -> Reader:
    return lambda found: [read(one) for one in found]
