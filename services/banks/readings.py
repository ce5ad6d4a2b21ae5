"""What a reading at a bank changes: balances, the statement's lines, and what could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final

import structlog
from prometheus_client import Counter

from db.field_encryption import FieldEncryption
from db.ids import new_id
from db.sealed import PUT_ASIDE
from db.statements import KeptAside
from db.unit_of_work import UnitOfWork, Work
from domain import ids
from domain.bank_account import Balance
from domain.clock import Clock, oslo_date
from domain.event import ChangeKind
from domain.ids import AccountId, BankId, BankLinkId, TransactionId, UserId
from domain.job import Job
from domain.statement import PutAside, Statement, reconcile
from providers.open_banking.port import Items
from services.banks.account_events import publish_accounts

UNREADABLE: Final = Counter(
    "drop_unreadable_items_total", "Items of banks' answers that could not be read.", ["bank", "kind"]
)
# What is kept of one reading: more of the same tells nothing new.
_KEPT: Final = 50
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MatchLines(Job):
    """Hold the account's new lines against the payments whose end-to-end ids they bear."""

    kind: ClassVar[str] = "match_lines"
    user_id: UserId
    account_id: AccountId


class Readings:
    """Stores what was read at banks. Each `save...` commits a transaction of its own."""

    def __init__(self, work: Work, encryption: FieldEncryption, clock: Clock) -> None:
        self._work = work
        self._encryption = encryption
        self._clock = clock

    async def save_balances(self, user_id: UserId, account_id: AccountId, balances: Items[Balance]) -> None:
        """Store balances and publish the account, which its user sees once it has been read for the first time."""
        now = self._clock.now()
        async with self._work() as work:
            before = await work.accounts.get(user_id, account_id)
            assert before is not None
            await work.accounts.put_balances(account_id, balances.found, now)
            await self.put_aside(work, before.bank_link_id, account_id, before.bank_id, balances.put_aside)
            change = ChangeKind.UPDATED if before.balance_refreshed_at else ChangeKind.CREATED
            await publish_accounts(work, user_id, [account_id], now, change)
            await work.commit()

    async def save_statement(
        self, user_id: UserId, account_id: AccountId, statement: Statement, *, began: datetime, unreadable: int
    ) -> None:
        """Hold a statement against the stored lines, and publish the account where that changed anything.

        `began` is when the reading began: one that a newer reading has overtaken is dropped. `unreadable` are the
        account's other items that could not be read.
        """
        now = self._clock.now()
        async with self._work() as work:
            newest = await work.statements.lock(account_id)
            if newest is not None and newest > began:
                return
            change = reconcile(await work.statements.known(account_id, statement), statement)
            # A line without any date is shown under the day on which it was read first.
            added = [
                (
                    TransactionId(new_id(ids.TRANSACTION, now)),
                    replace(line, booking_date=line.booking_date or oslo_date(now)),
                )
                for line in change.added
            ]
            has_new_lines = await work.statements.save(account_id, change, added)
            count = unreadable + len(statement.put_aside)
            is_news = await work.accounts.put_reading(
                account_id, began, since=statement.since, is_whole=statement.has_all_pages, unreadable=count
            )
            account = await work.accounts.get(user_id, account_id)
            assert account is not None
            await self.put_aside(work, account.bank_link_id, account_id, account.bank_id, statement.put_aside)
            if await work.statements.has_unmatched(account_id):
                work.jobs.enqueue(MatchLines(user_id, account_id), now=now)
            if has_new_lines or is_news:
                await work.accounts.raise_versions([account_id])
                await publish_accounts(work, user_id, [account_id], now)
            await work.commit()

    async def put_aside(
        self,
        work: UnitOfWork,
        bank_link_id: BankLinkId,
        account_id: AccountId | None,
        bank_id: BankId,
        items: Sequence[PutAside],
    ) -> None:
        """Keep what could not be read, encrypted, within the caller's transaction; count it and log it by kind."""
        now = self._clock.now()
        for item in items:
            UNREADABLE.labels(bank_id, item.kind).inc()
        if items:
            errors = sorted({item.why for item in items})
            _log.warning("bank_items_unreadable", bank=bank_id, kind=items[0].kind, count=len(items), errors=errors)
            kept = [
                KeptAside(
                    item.kind,
                    item.why,
                    self._encryption.encrypt(item.content, PUT_ASIDE),
                    self._encryption.keyed_hash(item.content),
                )
                for item in items[:_KEPT]
            ]
            await work.statements.put_aside(bank_link_id, account_id, kept, now)
