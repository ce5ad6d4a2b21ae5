"""The text that rows are found by. A version that knew no search wrote none, so that they get it when it is needed."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.bank import BankTransactionRow
from db.tables.payment import PaymentRow

Row = TypeVar("Row", BankTransactionRow, PaymentRow)


async def is_any_unfolded(session: AsyncSession, row: type[Row], of_user: ColumnElement[bool]) -> bool:
    """Whether a row of the user has no text to be found by."""
    return (await session.exec(_unfolded(row, of_user).limit(1))).first() is not None


async def fold(
    session: AsyncSession, row: type[Row], of_user: ColumnElement[bool], text_of: Callable[[Row], str], limit: int
) -> int:
    """Give so many rows of the user the text that they are found by. Gives how many had none. Does not commit.

    Raises StaleVersion where another transaction and this one waited for each other.
    """
    # In one order, so that two searches at once wait and do not block each other.
    query = _unfolded(row, of_user).order_by(col(row.id)).limit(limit)
    rows = (await session.exec(query.with_for_update(key_share=True, of=row))).all()
    if rows:
        by_id = update(row).where(col(row.id) == bindparam("row_id"))
        values = [{"row_id": found.id, "search_text": text_of(found)} for found in rows]
        await (await session.connection()).execute(by_id, values)
    return len(rows)


def _unfolded(row: Any, of_user: ColumnElement[bool]):  # type: ignore[no-untyped-def]  # SQLModel's own Select has no public name
    return select(row).where(of_user, col(row.search_text).is_(None))
