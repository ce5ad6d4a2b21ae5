from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, or_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.bank_shapes import TRANSACTION
from db.tables.bank import ODD, WITHDRAWN, BankAccountRow, BankHabitRow, BankTransactionRow, PutAsideRow
from db.tables.payment import PaymentRow
from db.transaction_search import search_text_of
from db.updates import changed_one
from domain.bank_account import Transaction, TransactionStatus
from domain.clock import oslo_date
from domain.ids import AccountId, BankId, BankLinkId, PaymentId, TransactionId
from domain.line_match import LineMatch, Oddity
from domain.money import Money
from domain.payment import Payment
from domain.statement import WITHDRAWN_AFTER, ItemKind, KnownLine, Reconciled, Statement, StatementLine

_UNMATCHED = (
    col(BankTransactionRow.matched_as).is_(None),
    col(BankTransactionRow.end_to_end_id).is_not(None),
    col(BankTransactionRow.status) == TransactionStatus.BOOKED,
    col(BankTransactionRow.missed) < WITHDRAWN_AFTER,
)
# Far more than a person's account has in ninety days.
_KNOWN_LINES = 50_000


@dataclass(frozen=True, slots=True)
class KeptAside:
    """An item that could not be read, as it is stored. `digest` is a keyed hash of its content."""

    kind: ItemKind
    why: str
    content_encrypted: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class OddLine:
    """A line at a bank that bears one of our ids and fits no payment; `payment_id` is whose id it is, if any's."""

    line: Transaction
    bank_id: BankId
    oddity: Oddity
    payment_id: PaymentId | None


class StatementQueries:
    """The stored lines of an account's statement, and what could not be read. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, account_id: AccountId) -> datetime | None:
        """Lock the account until the transaction ends. Gives when the newest reading of its statement began."""
        query = (
            select(BankAccountRow.statement_read_at)
            .where(BankAccountRow.id == account_id)
            .with_for_update(key_share=True)
        )
        return (await self._session.exec(query)).one()

    async def known(self, account_id: AccountId, statement: Statement) -> list[KnownLine]:
        """The stored lines that a statement tells of: those since its first day or line, and all pending ones.

        Some banks give more than the period that they are asked for. What was WITHDRAWN is not known any more: it has
        been undone, and if the bank lists it again, that is another line.
        """
        since = min([statement.since, *(line.booking_date for line in statement.lines if line.booking_date)])
        query = (
            select(BankTransactionRow)
            .where(
                BankTransactionRow.account_id == account_id,
                col(BankTransactionRow.matched_as).is_distinct_from(LineMatch.WITHDRAWN),
                or_(
                    col(BankTransactionRow.booking_date) >= since,
                    col(BankTransactionRow.status) == TransactionStatus.PENDING,
                ),
            )
            .order_by(col(BankTransactionRow.booking_date).desc(), col(BankTransactionRow.id).desc())
            .limit(_KNOWN_LINES)
        )
        return [KnownLine(TransactionId(row.id), _line(row), row.missed) for row in await self._session.exec(query)]

    async def save(
        self, account_id: AccountId, change: Reconciled, added: Sequence[tuple[TransactionId, StatementLine]]
    ) -> bool:
        """Write what a statement changes; `added` are its new lines with their ids, all with a date.

        Gives whether any line is new, gone or another one than before.
        """
        changed = [(known, line) for known, line in change.kept if line != known.line or known.missed]
        await self._update([{"row_id": known.id, "missed": 0, **_values(line)} for known, line in changed])
        await self._update(
            [
                {"row_id": known.id, "matched_as": None, "odd_because": None}
                for known, line in changed
                if _is_other(known, line)
            ]
        )
        self._session.add_all(
            BankTransactionRow(id=identifier, account_id=account_id, **_values(line)) for identifier, line in added
        )
        await self._update([{"row_id": known.id, "missed": known.missed + 1} for known in change.missed])
        if change.gone:
            gone = [known.id for known in change.gone]
            await self._session.exec(delete(BankTransactionRow).where(col(BankTransactionRow.id).in_(gone)))
        await self._session.flush()
        withdrawn = any(known.missed + 1 == WITHDRAWN_AFTER for known in change.missed)
        return bool(added or change.gone) or withdrawn or any(_is_news(known, line) for known, line in changed)

    async def _update(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Set the named columns of many lines, each by its `row_id`, in one round."""
        if rows:
            connection = await self._session.connection()
            by_id = update(BankTransactionRow).where(col(BankTransactionRow.id) == bindparam("row_id"))
            await connection.execute(by_id, list(rows))

    async def unmatched(self, account_id: AccountId, limit: int) -> list[Transaction]:
        """Booked lines with an end-to-end id that were held against no payment yet: debits first, as they are older."""
        query = (
            select(BankTransactionRow)
            .where(BankTransactionRow.account_id == account_id, *_UNMATCHED)
            .order_by(col(BankTransactionRow.amount_minor) > 0, col(BankTransactionRow.id))
            .limit(limit)
        )
        return [TRANSACTION.of(row) for row in await self._session.exec(query)]

    async def has_unmatched(self, account_id: AccountId) -> bool:
        """Whether `unmatched` or `withdrawn` has any line."""
        of_account = select(BankTransactionRow.id).where(BankTransactionRow.account_id == account_id).limit(1)
        for query in (of_account.where(*_UNMATCHED), of_account.where(WITHDRAWN)):
            if (await self._session.exec(query)).first() is not None:
                return True
        return False

    async def withdrawn(self, account_id: AccountId, limit: int) -> list[tuple[Transaction, LineMatch]]:
        """Lines that the bank has withdrawn after they had told of a payment, and what they were to it."""
        query = select(BankTransactionRow).where(BankTransactionRow.account_id == account_id, WITHDRAWN)
        rows = await self._session.exec(query.order_by(col(BankTransactionRow.id)).limit(limit))
        return [(TRANSACTION.of(row), LineMatch(row.matched_as or "")) for row in rows]

    async def put_withdrawn(self, line: Transaction) -> bool:
        """Store that a line tells of its payment no more. False where it was stored, or the bank lists it again.

        A line that was a second debit beside it is held against the payment anew.
        """
        row = update(BankTransactionRow).where(col(BankTransactionRow.id) == line.id, WITHDRAWN)
        if not changed_one(await self._session.exec(row.values(matched_as=LineMatch.WITHDRAWN))):
            return False
        second = update(BankTransactionRow).where(
            col(BankTransactionRow.account_id) == line.account_id,
            col(BankTransactionRow.end_to_end_id) == line.end_to_end_id,
            col(BankTransactionRow.odd_because) == Oddity.SECOND_DEBIT,
            col(BankTransactionRow.missed) < WITHDRAWN_AFTER,
        )
        await self._session.exec(second.values(matched_as=None, odd_because=None))
        return True

    async def put_match(self, line: Transaction, match: LineMatch, oddity: Oddity | None) -> bool:
        """Store what a line is to a payment. False where the line was matched or changed since it was read."""
        row = update(BankTransactionRow).where(
            col(BankTransactionRow.id) == line.id,
            col(BankTransactionRow.end_to_end_id) == line.end_to_end_id,
            col(BankTransactionRow.amount_minor) == line.amount.amount_minor,
            col(BankTransactionRow.currency) == line.amount.currency,
            *_UNMATCHED,
        )
        return changed_one(await self._session.exec(row.values(matched_as=match, odd_because=oddity)))

    async def odd(self, limit: int, before: TransactionId | None) -> list[OddLine]:
        """Lines of all users that fit no payment, newest first, older than that one: for operators alone.

        What the bank has withdrawn is left out.
        """
        query = (
            select(BankTransactionRow, BankAccountRow.bank_id, PaymentRow.id)
            .join(BankAccountRow, col(BankAccountRow.id) == BankTransactionRow.account_id)
            .outerjoin(PaymentRow, col(PaymentRow.end_to_end_id) == BankTransactionRow.end_to_end_id)
            .where(ODD, BankTransactionRow.missed < WITHDRAWN_AFTER)
        )
        if before is not None:
            query = query.where(BankTransactionRow.id < before)
        query = query.order_by(col(BankTransactionRow.id).desc()).limit(limit)
        return [
            OddLine(
                TRANSACTION.of(row),
                BankId(bank_id),
                Oddity(row.odd_because or Oddity.OTHER),
                PaymentId(payment) if payment else None,
            )
            for row, bank_id, payment in await self._session.exec(query)
        ]

    async def like_debits(self, payment: Payment, limit: int) -> list[Transaction]:
        """Lines since the payment that may be its debit: of its id, or of its amount and of no id that is another's."""
        assert payment.debtor_account_id is not None
        is_like = and_(
            col(BankTransactionRow.amount_minor) == -payment.amount.amount_minor,
            col(BankTransactionRow.currency) == payment.amount.currency,
            or_(
                col(BankTransactionRow.end_to_end_id).is_(None),
                col(BankTransactionRow.matched_as) == LineMatch.FOREIGN,
            ),
        )
        query = (
            select(BankTransactionRow)
            .where(
                BankTransactionRow.account_id == payment.debtor_account_id,
                BankTransactionRow.booking_date >= oslo_date(payment.created_at),
                BankTransactionRow.missed < WITHDRAWN_AFTER,
                or_(is_like, col(BankTransactionRow.end_to_end_id) == payment.end_to_end_id),
            )
            .order_by(col(BankTransactionRow.booking_date), col(BankTransactionRow.id))
            .limit(limit)
        )
        return [TRANSACTION.of(row) for row in await self._session.exec(query)]

    async def gives_ids(self, bank_id: BankId, vendor: str) -> bool:
        """Whether a line of this bank, read through this vendor, has borne a payment's end-to-end id."""
        return await self._session.get(BankHabitRow, (bank_id, vendor)) is not None

    async def put_gives_ids(self, bank_id: BankId, vendor: str, at: datetime) -> None:
        """Note that the bank's lines bear end-to-end ids; the first time stays."""
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        row = {"bank_id": bank_id, "vendor": vendor, "gives_ids_since": at}
        await self._session.exec(insert(BankHabitRow).values(row).on_conflict_do_nothing())

    async def put_aside(
        self, bank_link_id: BankLinkId, account_id: AccountId | None, items: Sequence[KeptAside], at: datetime
    ) -> None:
        """Keep items that could not be read, each once for a bank link."""
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        # The key is made of what is kept once: two accounts that are read at the same time bring the same item. In
        # order, so that the two never wait for each other.
        rows = [
            {
                "id": f"{bank_link_id}:{digest}",
                "bank_link_id": bank_link_id,
                "account_id": account_id,
                "kind": item.kind,
                "why": item.why,
                "content_encrypted": item.content_encrypted,
                "digest": digest,
                "put_aside_at": at,
            }
            for digest, item in sorted({item.digest: item for item in items}.items())
        ]
        await self._session.exec(insert(PutAsideRow).values(rows).on_conflict_do_nothing(index_elements=["id"]))


def _is_news(known: KnownLine, line: StatementLine) -> bool:
    """Whether its reader sees a change: the bank's ids are not shown."""
    before = replace(known.line, transaction_id=line.transaction_id, entry_reference=line.entry_reference)
    return line != before or known.missed >= WITHDRAWN_AFTER


def _is_other(known: KnownLine, line: StatementLine) -> bool:
    """Whether the line says something else of a payment than before."""
    before = known.line
    return (before.status, before.amount, before.end_to_end_id) != (line.status, line.amount, line.end_to_end_id)


def _line(row: BankTransactionRow) -> StatementLine:
    return StatementLine(
        transaction_id=row.vendor_transaction_id,
        entry_reference=row.entry_reference,
        status=TransactionStatus(row.status),
        amount=Money(row.amount_minor, row.currency),
        booking_date=row.booking_date,
        counterparty_name=row.counterparty_name,
        counterparty_account=row.counterparty_account,
        message=row.message,
        kid=row.kid,
        end_to_end_id=row.end_to_end_id,
        value_date=row.value_date,
    )


def _values(line: StatementLine) -> dict[str, Any]:
    """The columns of a line that the bank decides."""
    return {
        "vendor_transaction_id": line.transaction_id,
        "entry_reference": line.entry_reference,
        "status": line.status,
        "amount_minor": line.amount.amount_minor,
        "currency": line.amount.currency,
        "booking_date": line.booking_date,
        "counterparty_name": line.counterparty_name,
        "counterparty_account": line.counterparty_account,
        "message": line.message,
        "kid": line.kid,
        "end_to_end_id": line.end_to_end_id,
        "value_date": line.value_date,
        "search_text": search_text_of(line.counterparty_name, line.message, line.kid),
    }
