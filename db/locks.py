"""Rows that a transaction is about to write."""

from typing import Final, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

Row = TypeVar("Row")
# Set in the session of a unit of work.
WRITES: Final = "writes"


def locked(session: AsyncSession, query: SelectOfScalar[Row]) -> SelectOfScalar[Row]:
    """The query of an object to be written. In a read it is as it was.

    Of two transactions that write the same object, the second waits here and reads what the first wrote. The user
    comes first (`UserQueries.hold`), where something new is made for them. Two that take other objects in different
    orders may wait for each other: PostgreSQL ends one, which `retry_on_stale` runs again. Rows that refer to a locked
    one are written all the same: otherwise their writers would wait here, and others for them in turn. SQLite has one
    writer at a time and needs no lock.
    """
    if WRITES not in session.info:
        return query
    return query.with_for_update(key_share=True).execution_options(populate_existing=True)
