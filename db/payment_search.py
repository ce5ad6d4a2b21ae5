"""A user's payments, found by what was paid, when, to whom and from where."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.payment import PaymentRow
from domain.ids import UserId
from domain.payment_search import PaymentSearch
from domain.search import folded


def search_text_of(creditor_name: str, message: str | None, kid: str | None) -> str:
    """What a payment is found by."""
    return folded(creditor_name, message, kid)


class PaymentSearchQueries:
    """The text by which a user's payments are found. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def is_any_unfolded(self, user_id: UserId) -> bool:
        """Whether a payment of the user has no text to be found by: a version before this one has written it."""
        return (await self._session.exec(_unfolded(user_id).limit(1))).first() is not None

    async def fold(self, user_id: UserId, limit: int) -> int:
        """Give so many payments of the user the text that they are found by. Gives how many had none.

        Raises StaleVersion where another transaction and this one waited for each other.
        """
        # In one order, so that two searches at once wait and do not block each other.
        query = _unfolded(user_id).order_by(col(PaymentRow.id)).limit(limit)
        rows = (await self._session.exec(query.with_for_update(key_share=True))).all()
        if rows:
            by_id = update(PaymentRow).where(col(PaymentRow.id) == bindparam("row_id"))
            values = [
                {"row_id": row.id, "search_text": search_text_of(row.creditor_name, row.message, row.kid)}
                for row in rows
            ]
            await (await self._session.connection()).execute(by_id, values)
        return len(rows)


def _unfolded(user_id: UserId):  # type: ignore[no-untyped-def]  # SQLModel's own Select has no public name
    return select(PaymentRow).where(PaymentRow.user_id == user_id, col(PaymentRow.search_text).is_(None))


def conditions(search: PaymentSearch) -> Sequence[ColumnElement[bool]]:
    """What a payment's row must be."""
    row, found = PaymentRow, list[ColumnElement[bool]]()
    for bound in (search.min_amount, search.max_amount):
        if bound is not None:
            found.append(col(row.currency) == bound.currency)
    if search.min_amount is not None:
        found.append(col(row.amount_minor) >= search.min_amount.amount_minor)
    if search.max_amount is not None:
        found.append(col(row.amount_minor) <= search.max_amount.amount_minor)
    if search.since is not None:
        found.append(col(row.created_at) >= search.since)
    if search.before is not None:
        found.append(col(row.created_at) < search.before)
    if search.execution_from is not None:
        found.append(col(row.scheduled_for) >= search.execution_from)
    if search.execution_to is not None:
        found.append(col(row.scheduled_for) <= search.execution_to)
    if search.accounts is not None:
        found.append(col(row.debtor_account_id).in_(search.accounts))
    if search.creditor_iban is not None:
        found.append(col(row.creditor_iban) == search.creditor_iban)
    if search.text is not None:
        found.append(col(row.search_text).contains(search.text, autoescape=True))
    return found
