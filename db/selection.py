"""A tree of what is asked, as one statement for either database, and as the reader of what it gives.

Each object is a JSON array: its columns, then what lies beside it. Arrays, since objects would double the work.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
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

from db.bank_accounts import is_available
from db.bank_shapes import BALANCE, BANK_ACCOUNT, BANK_LINK, TRANSACTION
from db.payment_rows import PAYMENT
from db.shapes import Lies, Shape, from_json
from domain.ids import UserId
from domain.page import Form, Keyset
from domain.relation import Relation
from domain.selection import Beside, FaultyValueError, NotCoveredError, Row, Selection
from domain.statement import WITHDRAWN_AFTER

# PostgreSQL takes 100 arguments of a function, and SQLite 127.
_AT_MOST: Final = 90
# Objects within objects: SQLite's parser gives up at the sixth.
_DEEPEST: Final = 5
# Objects and lists in one statement, each of which takes about a millisecond to make.
_MOST: Final = 40
_OWNER: Final = "user_id"
Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Way:
    """How what lies beside an object is found: by the column `of`, which has the object's id, or by its own id.

    `order` are the columns of a list, the last of them unique in it; `counted` says how many of it are read at most,
    where it has no pages. Whatever has an owner is read with the owner's condition, which no author has to write.
    """

    shape: Shape[Any]
    of: str | None = None
    order: tuple[str, ...] = ("id",)
    newest_first: bool = False
    counted: int = 100
    only: Callable[[FromClause], ColumnElement[bool]] | None = None


_WAYS: Final[Mapping[Relation, _Way]] = {
    Relation.OWN_ACCOUNTS: _Way(BANK_ACCOUNT),
    Relation.OWN_BANK_LINKS: _Way(BANK_LINK),
    Relation.OWN_PAYMENTS: _Way(PAYMENT, newest_first=True),
    Relation.ACCOUNT: _Way(BANK_ACCOUNT),
    Relation.BANK_LINK: _Way(BANK_LINK),
    Relation.BANK_LINK_ACCOUNTS: _Way(BANK_ACCOUNT, of="bank_link_id"),
    Relation.BALANCES: _Way(BALANCE, of="account_id", order=("type",), newest_first=True),
    Relation.TRANSACTIONS: _Way(
        TRANSACTION,
        of="account_id",
        order=("booking_date", "id"),
        newest_first=True,
        # What the bank has withdrawn stays stored and is not part of the statement.
        only=lambda lines: lines.c.missed < WITHDRAWN_AFTER,
    ),
}
# What no column has.
_COMPUTED: Final[Mapping[str, Callable[[FromClause], ColumnElement[Any]]]] = {
    "is_available": lambda accounts: is_available(accounts.c.id),
}


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

    async def read(self, user_id: UserId, asked: Selection, pages: Sequence[Keyset]) -> Row:
        """What lies beside the user, of one moment.

        Raises NotCoveredError for what no statement is made of, and FaultyValueError for what no object may have.
        """
        forms = tuple(page.form for page in pages)
        prepared = prepare(asked, forms, self._session.get_bind().dialect)
        connection = await self._session.connection()
        found = await connection.exec_driver_sql(prepared.sql, prepared.values(_values_of(user_id, pages)))
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
    columns, readers = building.beside(asked, None, {})
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


def _values_of(user_id: UserId, pages: Sequence[Keyset]) -> dict[str, Any]:
    values: dict[str, Any] = {_OWNER: user_id}
    for number, page in enumerate(pages):
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
        self, asked: Selection, source: FromClause | None, lies: Mapping[str, Lies], offset: int = 0
    ) -> tuple[list[ColumnElement[Any]], list[Reader]]:
        """What lies beside an object, and how each is read from the object's array, from `offset` on."""
        columns: list[ColumnElement[Any]] = []
        readers: list[Reader] = []
        for place, beside in enumerate(asked.beside, start=offset):
            column, read = self._one(beside, source, lies)
            columns.append(column)
            readers.append(_at(place, read))
        return columns, readers

    def _one(
        self, beside: Beside, source: FromClause | None, lies: Mapping[str, Lies]
    ) -> tuple[ColumnElement[Any], Reader]:
        way = _WAYS.get(beside.relation)
        if way is None:
            raise NotCoveredError("relation")
        table = way.shape.table.alias()
        query = select(*(table.c[name] for name in _needed(beside.each, way))).select_from(table)
        if _OWNER in table.c:
            query = query.where(table.c[_OWNER] == bindparam(_OWNER))
        elif source is None:
            raise NotCoveredError("owner")
        if way.only is not None:
            query = query.where(way.only(table))
        if beside.key is not None:
            assert source is not None  # the viewer's own objects are lists
            query = query.where(table.c.id == source.c[lies[beside.key].columns[0]]).correlate(source)
        elif source is not None:
            assert way.of is not None  # a list of an object's
            query = query.where(table.c[way.of] == source.c.id).correlate(source)
        if beside.key is None:
            query = self._page(query, table, way, beside.page)
        found = query.subquery()
        array, read = self._object(beside.each, way.shape, found)
        if beside.key is not None:
            return self._nested(select(array).select_from(found)), _or_none(read)
        return self._nested(select(self._list(array)).select_from(found)), _each(read)

    def _object(self, asked: Selection, shape: Shape[Any], source: FromClause) -> tuple[ColumnElement[Any], Reader]:
        columns: list[ColumnElement[Any]] = []
        readers: list[Reader] = []
        for attribute in asked.attributes:
            lies = _lies_of(shape, attribute)
            columns_of = [_column_of(shape, name, source) for name in lies.columns]
            readers.append(_attribute(len(columns), [decode for _, decode in columns_of], lies.make))
            columns += [column for column, _ in columns_of]
        more, more_readers = self.beside(asked, source, shape.lies, len(columns))
        read_all = (*readers, *more_readers)
        return self._array([*columns, *more]), lambda found: [read(found) for read in read_all]

    def _page(self, query: Select[Any], table: FromClause, way: _Way, page: int | None) -> Select[Any]:
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


def _needed(asked: Selection, way: _Way) -> list[str]:
    """The columns that an object is made of, and by which what lies beside it is found."""
    own = way.shape.table.c
    attributes = [*asked.attributes, *(beside.key for beside in asked.beside if beside.key is not None)]
    columns = [column for attribute in attributes for column in _lies_of(way.shape, attribute).columns]
    return [name for name in dict.fromkeys(["id", *columns, *way.order]) if name in own]


def _lies_of(shape: Shape[Any], attribute: str) -> Lies:
    if attribute not in shape.lies:
        raise NotCoveredError("attribute")
    return shape.lies[attribute]


def _column_of(shape: Shape[Any], name: str, source: FromClause) -> tuple[ColumnElement[Any], Reader | None]:
    if name in shape.table.c:
        return source.c[name], from_json(shape.table.c[name])
    if name in _COMPUTED:
        return _COMPUTED[name](source), bool
    raise NotCoveredError("attribute")


def _ordered(key: Sequence[ColumnElement[Any]], is_descending: bool) -> list[ColumnElement[Any]]:
    return [part.desc() if is_descending else part.asc() for part in key]


def _attribute(place: int, decoders: Sequence[Reader | None], make: Callable[..., Any] | None) -> Reader:
    """Reads an attribute from an object's array, in which its columns begin at `place`."""
    if len(decoders) == 1:
        return _made(_at(place, decoders[0]), make)
    parts = [_at(place + number, decode) for number, decode in enumerate(decoders)]
    assert make is not None  # of several columns something is made
    return lambda found: make(*(part(found) for part in parts))


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
