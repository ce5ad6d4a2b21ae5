"""Statement lines and the payments that they show, both ways."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.bank_shapes import TRANSACTION
from db.tables.bank import BankAccountRow, BankTransactionRow
from db.tables.payment import PaymentRow
from domain.bank_account import Transaction
from domain.ids import PaymentId, TransactionId, UserId
from domain.line_match import LineMatch
from domain.statement import WITHDRAWN_AFTER

# A debit, and what came back in parts: more would be a fault at the bank.
_MOST_LINES: Final = 20
_OWN = (LineMatch.DEBIT, LineMatch.RETURN)


class StatementLinkQueries:
    """What `StatementMatching` has found out, as its user may see it. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def payments_of(self, user_id: UserId, lines: Sequence[TransactionId]) -> dict[TransactionId, PaymentId]:
        """Which payment of the user each line shows, where it shows one."""
        query = (
            select(BankTransactionRow.id, PaymentRow.id)
            .join(BankAccountRow, col(BankAccountRow.id) == BankTransactionRow.account_id)
            .join(PaymentRow, col(PaymentRow.end_to_end_id) == BankTransactionRow.end_to_end_id)
            .where(
                col(BankTransactionRow.id).in_(lines),
                col(BankTransactionRow.matched_as).in_((*_OWN, LineMatch.PAYEE)),
                BankAccountRow.user_id == user_id,
                PaymentRow.user_id == user_id,
            )
        )
        return {TransactionId(line): PaymentId(payment) for line, payment in await self._session.exec(query)}

    async def lines_of(self, user_id: UserId, payments: Sequence[PaymentId]) -> dict[PaymentId, list[Transaction]]:
        """The lines of the account that pays which show each payment of the user, oldest first."""
        query = (
            select(PaymentRow.id, BankTransactionRow)
            .join(
                BankTransactionRow,
                and_(
                    col(BankTransactionRow.account_id) == PaymentRow.debtor_account_id,
                    col(BankTransactionRow.end_to_end_id) == PaymentRow.end_to_end_id,
                ),
            )
            .where(
                PaymentRow.user_id == user_id,
                col(PaymentRow.id).in_(payments),
                col(BankTransactionRow.matched_as).in_(_OWN),
                BankTransactionRow.missed < WITHDRAWN_AFTER,
            )
            .order_by(col(BankTransactionRow.booking_date), col(BankTransactionRow.id))
            .limit(_MOST_LINES * len(payments))
        )
        found: dict[PaymentId, list[Transaction]] = {}
        for payment, row in await self._session.exec(query):
            found.setdefault(PaymentId(payment), []).append(TRANSACTION.of(row))
        return {payment: lines[:_MOST_LINES] for payment, lines in found.items()}
