"""Pages by keys in SQL. With `backwards` the last rows of the range come, in reverse."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Mapped

from domain.page import Keyset

Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


def page_by_id(query: Query, key: Mapped[str], keyset: Keyset, *, newest_first: bool) -> Query:
    """The keyset's page of `query` by the id `key`; ULIDs sort by time."""
    return page_by(query, (key,), keyset, newest_first=newest_first)


def page_by(query: Query, key: Sequence[Mapped[Any]], keyset: Keyset, *, newest_first: bool) -> Query:
    """The keyset's page of `query` by the columns of `key`, the last of which is unique."""
    query = query.where(*_range(key, keyset, newest_first))
    return query.order_by(*_order(key, keyset, newest_first)).limit(keyset.limit)


def page_of_each(
    query: Query,
    row_id: Mapped[str],
    parent: Mapped[str],
    parents: Sequence[str],
    key: Sequence[Mapped[Any]],
    keyset: Keyset,
    *,
    newest_first: bool,
    only: Sequence[ColumnElement[bool]] = (),
) -> Query:
    """The keyset's page of `query` for each of the parents, in one statement: each page in order, among the others.

    `only` are the rows that the pages are made of.
    """
    rank = func.row_number().over(partition_by=parent, order_by=_order(key, keyset, newest_first)).label("rank")
    ranked = (
        select(row_id.label("id"), rank)
        .where(parent.in_(parents), *only, *_range(key, keyset, newest_first))
        .subquery()
    )
    return query.join(ranked, ranked.c.id == row_id).where(ranked.c.rank <= keyset.limit).order_by(ranked.c.rank)


def _range(key: Sequence[Mapped[Any]], keyset: Keyset, newest_first: bool) -> list[ColumnElement[bool]]:
    row, conditions = tuple_(*key), list[ColumnElement[bool]]()
    low, high = (keyset.before, keyset.after) if newest_first else (keyset.after, keyset.before)
    if low is not None:
        conditions.append(row > low)
    if high is not None:
        conditions.append(row < high)
    return conditions


def _order(key: Sequence[Mapped[Any]], keyset: Keyset, newest_first: bool) -> list[ColumnElement[Any]]:
    return [part.desc() if newest_first != keyset.backwards else part.asc() for part in key]
