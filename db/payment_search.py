"""A user's payments, found by what was paid, when, to whom and from where."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, union_all
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.paging import page_by
from db.search_text import fold, is_any_unfolded
from db.tables.payment import PaymentRow
from domain.account_number import AccountNumber
from domain.ids import PaymentId, UserId
from domain.page import Keyset, PaymentPage
from domain.payment import Payee, Rail, Status
from domain.search import folded

# A payment that failed may have had a wrong account number.
_PAID: Final = (Status.SCHEDULED, Status.PROCESSING, Status.SETTLED)
_LOOKED_THROUGH: Final = 300


def search_text_of(creditor_name: str, message: str | None, kid: str | None) -> str:
    """What a payment is found by."""
    return folded(creditor_name, message, kid)


class PaymentSearchQueries:
    """What a user finds among their own payments. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def is_any_unfolded(self, user_id: UserId) -> bool:
        """Whether a payment of the user has no text to be found by: a version before this one has written it."""
        return await is_any_unfolded(self._session, PaymentRow, col(PaymentRow.user_id) == user_id)

    async def fold(self, user_id: UserId, limit: int) -> int:
        """As `db.search_text.fold`, of payments."""
        return await fold(self._session, PaymentRow, col(PaymentRow.user_id) == user_id, _text_of, limit)

    async def payees(self, user_id: UserId, limit: int) -> list[Payee]:
        """Whom the user has paid from an account, by the newest payments that were carried out or will be.

        Of the last few hundred payments, the last paid first.
        """
        page = PaymentPage(_PAID, Keyset(None, None, _LOOKED_THROUGH), (Rail.BANK,))
        query = (
            select(PaymentRow)
            .where(col(PaymentRow.id).in_(filtered(user_id, page, newest_first=True)))
            .order_by(col(PaymentRow.id).desc())
            .limit(_LOOKED_THROUGH)
        )
        found: dict[str, Payee] = {}
        for row in await self._session.exec(query):
            account = AccountNumber(row.creditor_iban, row.creditor_bban)
            found.setdefault(account.iban, Payee(row.creditor_name, account, PaymentId(row.id), row.created_at))
        return list(found.values())[:limit]


def _text_of(row: PaymentRow) -> str:
    return search_text_of(row.creditor_name, row.message, row.kid)


def conditions(page: PaymentPage) -> Sequence[ColumnElement[bool]]:
    """What a payment's row must be: as it is looked for, and with a place in the page's order."""
    search, row, found = page.search, PaymentRow, list[ColumnElement[bool]]()
    if page.by_execution:
        found.append(col(row.scheduled_for).is_not(None))
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


def key_of(page: PaymentPage) -> list[Mapped[Any]]:
    """The columns by which a page is ordered, the last of them unique."""
    by_id = [col(PaymentRow.id)]
    return [col(PaymentRow.scheduled_for), *by_id] if page.by_execution else by_id


def filtered(user_id: UserId, page: PaymentPage, *, newest_first: bool) -> CompoundSelect[str]:
    """The ids that a filtered page is made of: of each status on each rail as many as the page has.

    So that no more of a user's payments is read, however few of them the filter lets through.
    """
    pages = []
    for status in page.statuses or Status:
        for rail in page.rails or Rail:
            one = select(PaymentRow.id).where(
                PaymentRow.user_id == user_id, PaymentRow.status == status, PaymentRow.rail == rail
            )
            one = one.where(*conditions(page))
            pages.append(page_by(one, key_of(page), page.keyset, newest_first=newest_first).subquery())
    return union_all(*(select(one.c.id) for one in pages))
