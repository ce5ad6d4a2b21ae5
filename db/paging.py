"""Pages by keys in SQL."""

from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Mapped

from domain.page import Keyset

Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


def page_by_id(query: Query, key: Mapped[str], keyset: Keyset, *, newest_first: bool) -> Query:
    """The keyset's page of `query` by the id `key`; ULIDs sort by time. With `backwards` the rows come in reverse."""
    if keyset.after is not None:
        query = query.where(key < keyset.after if newest_first else key > keyset.after)
    if keyset.before is not None:
        query = query.where(key > keyset.before if newest_first else key < keyset.before)
    descends = newest_first != keyset.backwards
    return query.order_by(key.desc() if descends else key).limit(keyset.limit)
