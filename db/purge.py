"""Finds and deletes the rows whose time is over (`db/retention.py`), up to a thousand at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Date,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    select,
    tuple_,
    update,
)
from sqlmodel.ext.asyncio.session import AsyncSession

from db.retention import Emptied, Kept, Link, kept_of, links_to, table_of
from domain.clock import oslo_date

BATCH: Final = 1_000
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """The keys of up to a thousand rows, and the place after which the next ones are looked for."""

    keys: Sequence[Key]
    end: Key

    @property
    def ids(self) -> list[Any]:
        """Of a table whose rows others name: such a table has one key."""
        return [key[0] for key in self.keys]


class PurgeQueries:
    """Rows of all users whose time is over. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def tables_with_past(self, cutoffs: Mapping[str, datetime]) -> frozenset[str]:
        """Those of the tables, each with its cutoff, that have a row that is older."""
        tables = sorted(cutoffs)
        values = {
            _name_of(column): _as(column, cutoffs[table])
            for table in tables
            for column in _columns_of_time(kept_of(table))
        }
        connection = await self._session.connection()
        row = (await connection.execute(_has_past(tuple(tables)), values)).one()
        return frozenset(table for table, has_past in zip(tables, row, strict=True) if has_past)

    async def past(self, one: Kept, cutoff: datetime, after: Key | None) -> Batch | None:
        """The next rows that are older than `cutoff`, oldest first; None where there are none."""
        since = _since(one)
        if one.in_order:
            return await self._oldest(one.table, since < _as(since, cutoff), after)
        is_past = _is_past(one, lambda column: literal(_as(column, cutoff), column.type))
        return await self._batch(one.table, [since], is_past, after)

    async def _oldest(self, table: Table, is_past: ColumnElement[bool], after: Key | None) -> Batch | None:
        """Those of a table's first rows that are past their time, by the key alone."""
        key = _only_key(table)
        query = select(key, is_past.label("is_past")).order_by(key).limit(BATCH)
        if after is not None:
            query = query.where(key > after[-1])
        keys = [(row[0],) for row in await (await self._session.connection()).execute(query) if row.is_past]
        return Batch(keys, keys[-1]) if keys else None

    async def under(self, link: Link, parents: Batch, after: Key | None) -> Batch | None:
        """The next rows that name one of the parents; None where there are none."""
        return await self._batch(link.child, [], link.column.in_(parents.ids), after)

    async def _batch(
        self, table: Table, order: Sequence[ColumnElement[Any]], which: ColumnElement[bool], after: Key | None
    ) -> Batch | None:
        keys = list(table.primary_key.columns)
        order = [*order, *keys]
        query = select(*order).where(which).order_by(*order).limit(BATCH)
        if after is not None:
            query = query.where(_follows(order, after))
        rows = [tuple(row) for row in await (await self._session.connection()).execute(query)]
        return Batch([row[-len(keys) :] for row in rows], rows[-1]) if rows else None

    async def delete(self, table: Table, keys: Sequence[Key], only: ColumnElement[bool] | None) -> None:
        """Delete those of the rows that no other row names any more, and that are still among `only`."""
        statement = delete(table).where(_is_one_of(table, keys))
        statement = statement.where(*[~exists().where(link.column == _only_key(table)) for link in links_to(table)])
        if only is not None:
            statement = statement.where(only)
        await (await self._session.connection()).execute(statement)

    async def empty(self, one: Kept, keys: Sequence[Key]) -> None:
        """Empty the columns whose time is over, of rows that may have to stay."""
        if one.emptied:
            nothing = dict.fromkeys(column.key for column in one.emptied)
            statement = update(one.table).where(_is_one_of(one.table, keys)).values(nothing)
            await (await self._session.connection()).execute(statement)

    async def empty_past(self, one: Emptied, cutoff: datetime) -> int:
        """Empty the columns of up to a thousand rows whose time is over. Gives how many rows."""
        key, since = _only_key(one.table), one.table.c[one.since.key]
        some = select(key).where(since < cutoff).order_by(since).limit(BATCH)
        # The time is looked at again: another transaction may have moved it on since the row was found.
        statement = update(one.table).where(key.in_(some), since < cutoff)
        nothing = dict.fromkeys((column.key for column in one.columns), null())
        return (await (await self._session.connection()).execute(statement.values(nothing))).rowcount


@cache
def _has_past(tables: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    """Whether each of the tables has a row whose time is over, by values under `_name_of`. It is made once."""
    return select(*[_has_one(kept_of(table)).label(table) for table in tables])


def _has_one(one: Kept) -> ColumnElement[bool]:
    since = _since(one)
    if one.in_order:
        first = select(since < _value(since)).order_by(_only_key(one.table)).limit(1)
        return func.coalesce(first.scalar_subquery(), false())
    return exists().where(_is_past(one, _value))


def _is_past(one: Kept, value: Callable[[Column[Any]], ColumnElement[Any]]) -> ColumnElement[bool]:
    """Whether a row's time is over, where `value` gives the cutoff for a column."""
    since, *later = _columns_of_time(one)
    is_past = [since < value(since)]
    if one.only is not None:
        is_past.append(one.only)
    return and_(*is_past, *[~_names(one.table, column.table, column >= value(column)) for column in later])


def _columns_of_time(one: Kept) -> list[Column[Any]]:
    return [_since(one), *[table_of(column.class_).c[column.key] for column in one.later]]


def _since(one: Kept) -> Column[Any]:
    column: Column[Any] = one.table.c[one.since.key]
    return column


def _value(column: Column[Any]) -> ColumnElement[Any]:
    return bindparam(_name_of(column), type_=column.type)


def _name_of(column: Column[Any]) -> str:
    return f"{column.table.name}_{column.name}"


def _as(column: ColumnElement[Any], at: datetime) -> datetime | date:
    return oslo_date(at) if isinstance(column.type, Date) else at


def _only_key(table: Table) -> ColumnElement[Any]:
    (key,) = table.primary_key.columns
    return key


def _names(table: Table, other: FromClause, which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row of another table that names this one is among those."""
    (link,) = [link for link in links_to(table) if link.child is other]
    return exists().where(link.column == _only_key(table), which)


def _follows(order: Sequence[ColumnElement[Any]], after: Key) -> ColumnElement[bool]:
    place = [literal(value, one.type) for one, value in zip(order, after, strict=True)]
    return order[0] > place[0] if len(order) == 1 else tuple_(*order) > tuple_(*place)


def _is_one_of(table: Table, keys: Sequence[Key]) -> ColumnElement[bool]:
    columns = list(table.primary_key.columns)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return tuple_(*columns).in_(keys)
