"""The user's bank accounts: showing them, and reading them at the bank."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final, TypeVar

from db.bank_accounts import Reach
from db.ids import new_id
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.bank_account import Balance, BankAccount, Transaction
from domain.clock import Clock, oslo_date
from domain.consent import UNATTENDED_READS_A_DAY, AccountRead, Consent, ConsentStatus, names_matching
from domain.device import Device
from domain.errors import ConsentRequired, NotFound, ProviderUnavailable, ReadLimitReached, Unavailable
from domain.ids import AccountId, BankLinkId, TransactionId, UserId
from domain.page import Keyset
from domain.transaction_search import TransactionSearch
from providers.open_banking.port import (
    AccessExceeded,
    AccountAccess,
    AccountAtBank,
    AccountInformation,
    AccountLost,
    ConsentLost,
    Items,
    Psu,
)
from providers.vendors import Vendors
from services.banks.account_events import publish_accounts
from services.banks.consent_access import ConsentAccesses
from services.banks.consents import ConsentStatusSync
from services.banks.readings import Readings
from services.search_texts import fold_all

Result = TypeVar("Result")
# Without fresh authentication many banks give 90 days (docs/vendors/nextgenpsd2.md, Accounts).
_HISTORY: Final = timedelta(days=90)
# A bank that says so of a consent has not ended it.
_HOLDS: Final = frozenset({ConsentStatus.ACTIVE, ConsentStatus.AWAITING_AUTHORISATION})


class Accounts:
    """The user's bank accounts: shown from the database, and read at the bank within the consent's limits.

    Each method commits its own transactions; a bank is called outside of any. `refresh...` and `read...` count against
    the four readings a day without the user, unless an IP address says that the user is there.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[AccountInformation],
        consents: ConsentStatusSync,
        access: ConsentAccesses,
        readings: Readings,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._consents = consents
        self._access = access
        self._readings = readings
        self._clock = clock

    async def page(self, user_id: UserId, keyset: Keyset) -> list[BankAccount]:
        async with self._read() as read:
            return await read.accounts.page(user_id, keyset)

    async def by_ids(self, user_id: UserId, account_ids: Sequence[AccountId]) -> list[BankAccount]:
        async with self._read() as read:
            return await read.accounts.by_ids(user_id, account_ids)

    async def of_bank_links(self, user_id: UserId, bank_links: Sequence[BankLinkId]) -> list[BankAccount]:
        async with self._read() as read:
            return await read.accounts.of_bank_links(user_id, bank_links)

    async def balances(self, account_ids: Sequence[AccountId]) -> dict[AccountId, list[Balance]]:
        """The accounts' balances. The caller has read the accounts for their user, so no user id is checked."""
        async with self._read() as read:
            return await read.accounts.balances(account_ids)

    async def transactions(
        self, user_id: UserId, account_ids: Sequence[AccountId], keyset: Keyset
    ) -> dict[AccountId, list[Transaction]]:
        """A page of each account's transactions, newest first, in one statement of SQL."""
        async with self._read() as read:
            return await read.accounts.transactions(user_id, account_ids, keyset)

    async def search(self, user_id: UserId, search: TransactionSearch, keyset: Keyset) -> list[Transaction]:
        """A page of the user's lines over all accounts, newest first."""
        if search.text is not None:
            await fold_all(self._read, self._work, lambda queries: queries.transaction_search, user_id)
        async with self._read() as read:
            return await read.transaction_search.page(user_id, search, keyset)

    async def transactions_by_ids(self, user_id: UserId, wanted: Sequence[TransactionId]) -> list[Transaction]:
        async with self._read() as read:
            return await read.accounts.transaction_by_ids(user_id, wanted)

    async def refresh_bank_link(
        self, user_id: UserId, bank_link_id: BankLinkId, *, device: Device | None
    ) -> list[BankAccount]:
        """Read balances and new transactions at the bank. Without `device` the bank counts an unattended reading.

        Raises NotFound, ConsentRequired, ReadLimitReached, ProviderUnavailable.
        """
        async with self._read() as read:
            bank_link = await read.bank_links.get(user_id, bank_link_id)
            if bank_link is None:
                raise NotFound("There is no such bank link.", field=("input", "bankLinkId"))
            accounts = await read.accounts.of_bank_links(user_id, [bank_link_id])
            reaches = await read.accounts.reaches(user_id, [account.id for account in accounts])
        if not reaches:
            raise ConsentRequired(
                "The bank link has no active consent. Renew it with renewConsent.",
                field=("input", "bankLinkId"),
            )
        psu = await self.psu(user_id, device)
        await self._count_read(user_id, bank_link_id, is_attended=device is not None)
        try:
            await self._read_accounts(user_id, reaches, psu)
        except Unavailable as error:
            message = "The bank is temporarily unavailable. Try again soon."
            raise ProviderUnavailable("open_banking", message, text="BANK_AWAY") from error
        except AccessExceeded as error:
            raise ReadLimitReached("The bank allows no more readings today.") from error
        return await self.of_bank_links(user_id, [bank_link_id])

    async def read_unattended(self, user_id: UserId, account_id: AccountId) -> bool:
        """The account's bank link by a reading without the user; False where the bank allows none now."""
        for account in await self.by_ids(user_id, [account_id]):
            try:
                await self.refresh_bank_link(user_id, account.bank_link_id, device=None)
            except (ReadLimitReached, ConsentRequired, NotFound, ProviderUnavailable):
                return False
            return True
        return False

    async def read_for_matching(self, user_id: UserId, account_id: AccountId) -> bool:
        """As `read_unattended`, to find payments in the statement: False where no ACTIVE consent names that use."""
        async with self._read() as read:
            reaches = await read.accounts.reaches(user_id, [account_id])
        may_match = any(names_matching(reach.text_version) for reach in reaches)
        return may_match and await self.read_unattended(user_id, account_id)

    async def refresh_balance(self, user_id: UserId, account_id: AccountId, *, device: Device) -> None:
        """The debtor's balance before a payment: attended. Raises Unavailable, AccessExceeded, ConsentRequired."""
        async with self._read() as read:
            reaches = await read.accounts.reaches(user_id, [account_id])
        psu = await self.psu(user_id, device)
        for reach in reaches:
            await self._count_read(user_id, reach.bank_link_id, is_attended=True)
            try:
                balances = await self._asking(user_id, reach, self._vendor(reach).balances, psu)
            except AccountLost as lost:
                raise ConsentRequired("The bank gives no access to this account any more.") from lost
            await self._readings.save_balances(user_id, reach.account_id, balances)

    async def fetch(self, consent: Consent, bank_id: ids.BankId, *, device: Device | None) -> None:
        """Take the accounts that a new consent covers, with their balances and transactions. Safe to repeat.

        Raises Unavailable, ReadLimitReached, ConsentRequired; what the bank has given is kept all the same.
        """
        psu = await self.psu(consent.user_id, device)
        await self._count_read(consent.user_id, consent.bank_link_id, is_attended=device is not None)
        vendor = self._vendors[consent.vendor]
        try:
            found = await vendor.accounts(bank_id, consent.vendor_consent_id or "", psu)
        except ConsentLost as lost:
            await self._end_if_lost(consent, lost, psu.device)
            raise ConsentRequired("The bank no longer honours the consent.") from lost
        except AccessExceeded as error:
            raise ReadLimitReached("The bank allows no more readings today.") from error
        account_ids = await retry_on_stale(lambda: self._take(consent, bank_id, found))
        async with self._read() as read:
            reaches = await read.accounts.reaches(consent.user_id, account_ids)
        await self._read_accounts(consent.user_id, reaches, psu)
        if isinstance(found.away, AccessExceeded):
            raise ReadLimitReached("The bank allows no more readings today.") from found.away
        if found.away is not None:
            raise found.away

    async def _take(self, consent: Consent, bank_id: ids.BankId, found: Items[AccountAtBank]) -> list[AccountId]:
        """Store the accounts that a consent covers, and how many cannot be read. Commits."""
        now = self._clock.now()
        async with self._work() as work:
            account_ids = []
            for account in found.found:
                ours = BankAccount(
                    id=AccountId(new_id(ids.ACCOUNT, now)),
                    user_id=consent.user_id,
                    bank_link_id=consent.bank_link_id,
                    bank_id=bank_id,
                    number=account.number,
                    currency=account.currency,
                    name=account.name,
                    owner_name=account.owner_name,
                    is_available=True,
                    balance_refreshed_at=None,
                )
                account_ids.append(await work.accounts.put(ours, consent.id, account.resource_id))
            await self._readings.put_aside(work, consent.bank_link_id, None, bank_id, found.put_aside)
            await self._consents.count_unreadable(work, consent, len(found.put_aside))
            await publish_accounts(work, consent.user_id, account_ids, now)
            await work.commit()
        return account_ids

    async def _read_accounts(self, user_id: UserId, reaches: Sequence[Reach], psu: Psu) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._settled(self._read_account(user_id, reach, psu))) for reach in reaches]
        # The accounts that answered are kept; the first that did not is reported.
        for task in tasks:
            error = task.result()
            if error is not None and not isinstance(error, AccountLost):
                raise error

    async def _settled(self, reading: Awaitable[None]) -> Exception | None:
        try:
            await reading
        except (Unavailable, ConsentRequired, AccessExceeded, AccountLost) as error:
            return error
        return None

    async def _read_account(self, user_id: UserId, reach: Reach, psu: Psu) -> None:
        vendor, began = self._vendor(reach), self._clock.now()
        since = oslo_date(began) - _HISTORY
        # Balances are shown even where the bank does not give the statement.
        balances = await self._asking(user_id, reach, vendor.balances, psu)
        await self._readings.save_balances(user_id, reach.account_id, balances)
        statement = await self._asking(user_id, reach, partial(vendor.transactions, since=since), psu)
        await self._readings.save_statement(
            user_id, reach.account_id, statement, began=began, unreadable=len(balances.put_aside)
        )

    def _vendor(self, reach: Reach) -> AccountInformation:
        return self._vendors[reach.vendor]

    async def _asking(
        self, user_id: UserId, reach: Reach, ask: Callable[[AccountAccess], Awaitable[Result]], psu: Psu
    ) -> Result:
        access = AccountAccess(
            reach.bank_id, reach.vendor_consent_id, reach.resource_id, psu, reach.number, reach.currency
        )
        try:
            return await ask(access)
        except ConsentLost as lost:
            async with self._read() as read:
                consent = await read.consents.by_vendor_reference(reach.vendor, None, reach.vendor_consent_id)
            if consent is not None:
                await self._end_if_lost(consent, lost, psu.device)
            raise ConsentRequired("The bank no longer honours the consent. Renew it with renewConsent.") from lost
        except AccountLost:
            await self._lose(user_id, reach)
            raise

    async def _end_if_lost(self, consent: Consent, lost: ConsentLost, device: Device | None) -> None:
        """End a consent that a reading was refused for, if the bank says so when asked for the consent itself.

        Raises Unavailable where the consent stands, or how it stands cannot be read.
        """
        state = await self._vendors[consent.vendor].consent_state(await self._access.of(consent, device))
        if state.status is None or state.status in _HOLDS:
            raise Unavailable("open_banking", "the bank refuses a reading under a consent that holds") from lost
        await self._consents.end_lost(consent.id, state.status)

    async def _lose(self, user_id: UserId, reach: Reach) -> None:
        """The bank does not know the account any more: it is shown as unavailable, and the others are still read."""
        async with self._work() as work:
            await work.accounts.unlink(reach.account_id, reach.vendor_consent_id)
            await work.accounts.raise_versions([reach.account_id])
            await publish_accounts(work, user_id, [reach.account_id], self._clock.now())
            await work.commit()

    async def psu(self, user_id: UserId, device: Device | None) -> Psu:
        """The user as a bank is called for: national identity number and, if the user is present, `device`."""
        async with self._read() as read:
            return Psu(await read.users.national_identity_number(user_id), device)

    async def _count_read(self, user_id: UserId, bank_link_id: BankLinkId, *, is_attended: bool) -> None:
        now = self._clock.now()
        async with self._work() as work:
            if not is_attended:
                await self._require_reads_left(work, user_id, bank_link_id, oslo_date(now))
            read = AccountRead(now, is_attended)
            await work.bank_links.record_read(new_id("rea", now), bank_link_id, read, oslo_date(now))
            await work.commit()

    async def _require_reads_left(self, work: UnitOfWork, user_id: UserId, bank_link_id: BankLinkId, day: date) -> None:
        await work.bank_links.lock(user_id, bank_link_id)
        used = (await work.bank_links.unattended_reads([bank_link_id], day)).get(bank_link_id, 0)
        if used >= UNATTENDED_READS_A_DAY:
            raise ReadLimitReached("The day's four readings without the user are used up.")
