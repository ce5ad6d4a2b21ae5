"""Pages by keys in SQL."""

from typing import TypeVar

from sqlalchemy.orm import Mapped
from sqlmodel.sql.expression import SelectOfScalar

from domain.page import Keyset

Row = TypeVar("Row")


def page_by_id(
    query: SelectOfScalar[Row], key: Mapped[str], keyset: Keyset, *, newest_first: bool
) -> SelectOfScalar[Row]:
    """The keyset's page of `query` by the id `key`; ULIDs sort by time. With `backwards` the rows come in reverse."""
    if keyset.after is not None:
        query = query.where(key < keyset.after if newest_first else key > keyset.after)
    if keyset.before is not None:
        query = query.where(key > keyset.before if newest_first else key < keyset.before)
    descends = newest_first != keyset.backwards
    return query.order_by(key.desc() if descends else key).limit(keyset.limit)
