"""Lines of a user's statements, found over all accounts."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.bank_shapes import TRANSACTION
from db.paging import page_by
from db.search_text import fold, is_any_unfolded
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
        return await is_any_unfolded(self._session, BankTransactionRow, _of(user_id))

    async def fold(self, user_id: UserId, limit: int) -> int:
        """As `db.search_text.fold`, of lines."""
        return await fold(self._session, BankTransactionRow, _of(user_id), _text_of, limit)


def _of(user_id: UserId) -> ColumnElement[bool]:
    of_user = select(BankAccountRow.id).where(BankAccountRow.user_id == user_id)
    return col(BankTransactionRow.account_id).in_(of_user)


def _text_of(row: BankTransactionRow) -> str:
    return search_text_of(row.counterparty_name, row.message, row.kid)


def _accounts(user_id: UserId, search: TransactionSearch):  # type: ignore[no-untyped-def]  # SQLModel's own Select has no public name
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
