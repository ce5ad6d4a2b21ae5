from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, update
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.bank_shapes import BALANCE, BANK_ACCOUNT, TRANSACTION
from db.paging import page_by_id, page_of_each
from db.tables.bank import BalanceRow, BankAccountRow, BankTransactionRow, ConsentAccountRow, ConsentRow
from domain.account_number import AccountNumber
from domain.bank_account import Balance, BankAccount, Transaction
from domain.consent import ConsentStatus
from domain.evidence import LastReading
from domain.ids import AccountId, BankId, BankLinkId, ConsentId, TransactionId, UserId
from domain.page import Keyset
from domain.statement import WITHDRAWN_AFTER

_FEW: Final = Keyset(None, None, 100)


@dataclass(frozen=True, slots=True)
class Reach:
    """How an account is read at its bank: the active consent that covers it, and the bank's own id of the account.

    `text_version` is that of the text under which the consent was asked for.
    """

    account_id: AccountId
    bank_link_id: BankLinkId
    vendor: str
    bank_id: BankId
    vendor_consent_id: str
    resource_id: str
    number: AccountNumber
    currency: str
    text_version: int


def is_available(account_id: ColumnElement[str] | Mapped[str]) -> ColumnElement[bool]:
    """Whether an active consent covers the account."""
    return exists(
        select(ConsentAccountRow.account_id)
        .join(ConsentRow, col(ConsentRow.id) == ConsentAccountRow.consent_id)
        .where(
            ConsentAccountRow.account_id == account_id,
            ConsentRow.status == ConsentStatus.ACTIVE,
        )
    )


class BankAccountQueries:
    """Bank accounts with their balances and statements. No method commits.

    Reads take the user's id, but for those whose account ids were read with it. An account is available while an ACTIVE
    consent covers it.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, keyset: Keyset) -> list[BankAccount]:
        """Oldest first. With `backwards` the last ones of the range, newest first."""
        query = select(BankAccountRow, is_available(col(BankAccountRow.id))).where(BankAccountRow.user_id == user_id)
        query = page_by_id(query, col(BankAccountRow.id), keyset, newest_first=False)
        return [BANK_ACCOUNT.of(row, is_available=available) for row, available in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, ids: Sequence[AccountId]) -> list[BankAccount]:
        """Those of the accounts that are the user's, in no order."""
        query = select(BankAccountRow, is_available(col(BankAccountRow.id))).where(
            BankAccountRow.user_id == user_id, col(BankAccountRow.id).in_(ids)
        )
        return [BANK_ACCOUNT.of(row, is_available=available) for row, available in await self._session.exec(query)]

    async def get(self, user_id: UserId, account_id: AccountId) -> BankAccount | None:
        return next(iter(await self.by_ids(user_id, [account_id])), None)

    async def of_bank_links(self, user_id: UserId, ids: Sequence[BankLinkId]) -> list[BankAccount]:
        """The accounts of the user's bank links, by id, 100 of each at most; a user has few accounts at a bank."""
        query = select(BankAccountRow, is_available(col(BankAccountRow.id))).where(BankAccountRow.user_id == user_id)
        identifier, bank_link = col(BankAccountRow.id), col(BankAccountRow.bank_link_id)
        query = page_of_each(query, identifier, bank_link, ids, [identifier], _FEW, newest_first=False)
        return [BANK_ACCOUNT.of(row, is_available=available) for row, available in await self._session.exec(query)]

    async def put(self, account: BankAccount, consent_id: ConsentId, resource_id: str) -> AccountId:
        """Add the account or update it (unique per user, number and currency), and link it to a consent.

        Gives its id. The version rises, since the consent may make the account available.
        """
        query = select(BankAccountRow).where(
            BankAccountRow.user_id == account.user_id,
            BankAccountRow.iban == account.number.iban,
            BankAccountRow.currency == account.currency,
        )
        row = (await self._session.exec(query)).first()
        if row is None:
            row = BankAccountRow(
                id=account.id,
                user_id=account.user_id,
                bank_link_id=account.bank_link_id,
                bank_id=account.bank_id,
                iban=account.number.iban,
                bban=account.number.bban,
                currency=account.currency,
                name=account.name,
                owner_name=account.owner_name,
            )
            self._session.add(row)
        else:
            await self.raise_versions([AccountId(row.id)])
        row.bank_link_id, row.bank_id = account.bank_link_id, account.bank_id
        row.name, row.owner_name = account.name, account.owner_name
        await self._session.flush()
        link = await self._session.get(ConsentAccountRow, (consent_id, row.id))
        if link is None:
            self._session.add(ConsentAccountRow(consent_id=consent_id, account_id=row.id, resource_id=resource_id))
        else:
            link.resource_id = resource_id
        await self._session.flush()
        return AccountId(row.id)

    async def reaches(self, user_id: UserId, ids: Sequence[AccountId]) -> list[Reach]:
        """How each account is read: by its newest ACTIVE consent. Accounts that no consent covers are left out."""
        query = (
            select(BankAccountRow, ConsentRow, ConsentAccountRow.resource_id)
            .join(ConsentAccountRow, col(ConsentAccountRow.account_id) == BankAccountRow.id)
            .join(ConsentRow, col(ConsentRow.id) == ConsentAccountRow.consent_id)
            .where(
                BankAccountRow.user_id == user_id,
                col(BankAccountRow.id).in_(ids),
                ConsentRow.status == ConsentStatus.ACTIVE,
            )
            .order_by(col(ConsentRow.id))
        )
        newest: dict[str, Reach] = {}
        for account, consent, resource_id in await self._session.exec(query):
            newest[account.id] = Reach(
                AccountId(account.id),
                BankLinkId(account.bank_link_id),
                consent.vendor,
                BankId(account.bank_id),
                consent.vendor_consent_id or "",
                resource_id,
                AccountNumber(account.iban, account.bban),
                account.currency,
                consent.text_version,
            )
        return list(newest.values())

    async def balances(self, ids: Sequence[AccountId]) -> dict[AccountId, list[Balance]]:
        query = select(BalanceRow).where(col(BalanceRow.account_id).in_(ids)).order_by(col(BalanceRow.type).desc())
        found: dict[AccountId, list[Balance]] = {}
        for row in await self._session.exec(query):
            found.setdefault(AccountId(row.account_id), []).append(BALANCE.of(row))
        return found

    async def put_balances(self, account_id: AccountId, balances: Sequence[Balance], at: datetime) -> None:
        """Replace the balances of an account, which the bank reported at `at`."""
        for balance in balances:
            row = BalanceRow(
                account_id=account_id,
                type=balance.type,
                amount_minor=balance.amount.amount_minor,
                currency=balance.amount.currency,
                as_of=balance.as_of,
            )
            await self._session.merge(row)
        await self._session.exec(
            update(BankAccountRow)
            .where(col(BankAccountRow.id) == account_id)
            .values(balance_refreshed_at=at, version=BankAccountRow.version + 1)
        )

    async def last_reading(self, account_id: AccountId) -> LastReading | None:
        """The newest reading of the account's statement; None where there is none that says how far it went back."""
        row = await self._session.get(BankAccountRow, account_id)
        if row is None or row.statement_read_at is None or row.statement_since is None:
            return None
        is_complete = row.has_whole_statement and row.unreadable_items == 0
        return LastReading(row.statement_read_at, row.statement_since, is_complete)

    async def put_reading(
        self, account_id: AccountId, at: datetime, *, since: date, is_whole: bool, unreadable: int
    ) -> bool:
        """Note what the account's newest reading was like. Gives whether that is news; the version then rises."""
        told = (BankAccountRow.has_whole_statement == is_whole) & (BankAccountRow.unreadable_items == unreadable)
        is_news = (await self._session.exec(select(told).where(BankAccountRow.id == account_id))).one()
        await self._session.exec(
            update(BankAccountRow)
            .where(col(BankAccountRow.id) == account_id)
            .values(
                statement_read_at=at,
                statement_since=since,
                has_whole_statement=is_whole,
                unreadable_items=unreadable,
            )
        )
        return not is_news

    async def unlink(self, account_id: AccountId, vendor_consent_id: str) -> None:
        """The consent does not cover the account any more."""
        consent = select(ConsentRow.id).where(ConsentRow.vendor_consent_id == vendor_consent_id)
        await self._session.exec(
            delete(ConsentAccountRow).where(
                col(ConsentAccountRow.account_id) == account_id, col(ConsentAccountRow.consent_id).in_(consent)
            )
        )

    async def raise_versions(self, ids: Sequence[AccountId]) -> None:
        """Count a change of each account, in the database, so that of two at once none is lost."""
        await self._session.exec(
            update(BankAccountRow)
            .where(col(BankAccountRow.id).in_(ids))
            .values(version=BankAccountRow.version + 1)
            .execution_options(synchronize_session="fetch")
        )

    async def left_by(self, user_id: UserId, consent_id: ConsentId) -> list[BankAccount]:
        """The accounts that an ended consent covered and no ACTIVE one covers."""
        query = (
            select(BankAccountRow)
            .join(ConsentAccountRow, col(ConsentAccountRow.account_id) == BankAccountRow.id)
            .where(
                BankAccountRow.user_id == user_id,
                ConsentAccountRow.consent_id == consent_id,
                ~is_available(col(BankAccountRow.id)),
            )
            .order_by(col(BankAccountRow.id))
            .limit(500)
        )
        return [BANK_ACCOUNT.of(row, is_available=False) for row in await self._session.exec(query)]

    async def transactions(
        self, user_id: UserId, account_ids: Sequence[AccountId], keyset: Keyset
    ) -> dict[AccountId, list[Transaction]]:
        """The page of each account's statement: newest first, by booking date and id."""
        query = (
            select(BankTransactionRow)
            .join(BankAccountRow, col(BankAccountRow.id) == BankTransactionRow.account_id)
            .where(BankAccountRow.user_id == user_id)
        )
        identifier, account = col(BankTransactionRow.id), col(BankTransactionRow.account_id)
        key = (col(BankTransactionRow.booking_date), identifier)
        # What the bank has withdrawn stays stored and is not part of the statement.
        listed = (col(BankTransactionRow.missed) < WITHDRAWN_AFTER,)
        query = page_of_each(query, identifier, account, account_ids, key, keyset, newest_first=True, only=listed)
        found: dict[AccountId, list[Transaction]] = {}
        for row in await self._session.exec(query):
            found.setdefault(AccountId(row.account_id), []).append(TRANSACTION.of(row))
        return found

    async def transaction_by_ids(self, user_id: UserId, ids: Sequence[TransactionId]) -> list[Transaction]:
        query = (
            select(BankTransactionRow)
            .join(BankAccountRow, col(BankAccountRow.id) == BankTransactionRow.account_id)
            .where(BankAccountRow.user_id == user_id, col(BankTransactionRow.id).in_(ids))
        )
        return [TRANSACTION.of(row) for row in await self._session.exec(query)]
