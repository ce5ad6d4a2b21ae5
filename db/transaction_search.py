"""Lines of a user's statements, found over all accounts."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.bank_shapes import TRANSACTION
from db.paging import page_by
from db.tables.bank import BankAccountRow, BankTransactionRow
from domain.bank_account import Transaction
from domain.ids import UserId
from domain.page import Keyset
from domain.search import folded
from domain.statement import WITHDRAWN_AFTER
from domain.transaction_search import Direction, TransactionSearch


def search_text_of(name: str | None, message: str | None, kid: str | None) -> str:
    """What a line is found by."""
    return folded(name, message, kid)


class TransactionSearchQueries:
    """What a user looks for among their own lines. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, search: TransactionSearch, keyset: Keyset) -> list[Transaction]:
        """Newest first, by booking date and id. What the bank has withdrawn is not part of a statement."""
        query = select(BankTransactionRow).where(
            col(BankTransactionRow.account_id).in_(_accounts(user_id, search)),
            col(BankTransactionRow.missed) < WITHDRAWN_AFTER,
            *_conditions(search),
        )
        key = (col(BankTransactionRow.booking_date), col(BankTransactionRow.id))
        query = page_by(query, key, keyset, newest_first=True)
        return [TRANSACTION.of(row) for row in await self._session.exec(query)]

    async def is_any_unfolded(self, user_id: UserId) -> bool:
        """Whether a line of the user has no text to be found by: a version before this one has written it."""
        return (await self._session.exec(_unfolded(user_id).limit(1))).first() is not None

    async def fold(self, user_id: UserId, limit: int) -> int:
        """Give so many lines of the user the text that they are found by. Gives how many had none.

        Raises StaleVersion where a reading of the statement and this one waited for each other.
        """
        # In one order, so that two searches at once wait and do not block each other.
        query = _unfolded(user_id).order_by(col(BankTransactionRow.id)).limit(limit)
        rows = (await self._session.exec(query.with_for_update(key_share=True, of=BankTransactionRow))).all()
        if rows:
            by_id = update(BankTransactionRow).where(col(BankTransactionRow.id) == bindparam("row_id"))
            values = [
                {"row_id": row.id, "search_text": search_text_of(row.counterparty_name, row.message, row.kid)}
                for row in rows
            ]
            await (await self._session.connection()).execute(by_id, values)
        return len(rows)


def _unfolded(user_id: UserId):  # type: ignore[no-untyped-def]  # SQLModel's own Select has no public name
    of_user = select(BankAccountRow.id).where(BankAccountRow.user_id == user_id)
    return select(BankTransactionRow).where(
        col(BankTransactionRow.account_id).in_(of_user), col(BankTransactionRow.search_text).is_(None)
    )


def _accounts(user_id: UserId, search: TransactionSearch):  # type: ignore[no-untyped-def]  # as above
    of_user = select(BankAccountRow.id).where(BankAccountRow.user_id == user_id)
    return of_user if search.accounts is None else of_user.where(col(BankAccountRow.id).in_(search.accounts))


def _conditions(search: TransactionSearch) -> Sequence[ColumnElement[bool]]:
    row, found = BankTransactionRow, list[ColumnElement[bool]]()
    amount = func.abs(col(row.amount_minor))
    for bound in (search.min_amount, search.max_amount):
        if bound is not None:
            found.append(col(row.currency) == bound.currency)
    if search.min_amount is not None:
        found.append(amount >= search.min_amount.amount_minor)
    if search.max_amount is not None:
        found.append(amount <= search.max_amount.amount_minor)
    if search.direction is not None:
        minor = col(row.amount_minor)
        found.append(minor > 0 if search.direction is Direction.IN else minor < 0)
    if search.booked_from is not None:
        found.append(col(row.booking_date) >= search.booked_from)
    if search.booked_to is not None:
        found.append(col(row.booking_date) <= search.booked_to)
    if search.text is not None:
        found.append(col(row.search_text).contains(search.text, autoescape=True))
    return found
