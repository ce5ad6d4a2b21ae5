"""Batch loaders: many parents in, one service call, many children out. Made anew per operation and event."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar, cast
from urllib.parse import urljoin

from strawberry.dataloader import DataLoader

from domain import ids
from domain.authorisation import SealedAuthorisation
from domain.bank_account import Balance, Bank, BankAccount, Transaction
from domain.card import Card
from domain.consent import BankLink, ReadsToday
from domain.data_export import DataExport
from domain.dispute import Dispute
from domain.errors import Unauthenticated
from domain.ids import AccountId, BankId, BankLinkId, PaymentId, PlanSubscriptionId, TransactionId, UploadId, UserId
from domain.kyc import Kyc
from domain.page import Keyset, PaymentPage
from domain.payment import Payee, Payment, PaymentEvent
from domain.plan import PlanInvoice, PlanSubscription
from domain.refund import Refund
from domain.session import Session
from domain.transaction_search import TransactionSearch
from domain.upload import Upload
from domain.vendor_migration import CustomerMigration
from services.container import Services

Key = TypeVar("Key")
Child = TypeVar("Child")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


Object = TypeVar("Object", bound=_HasId)
Id = TypeVar("Id", bound=str)
_NORWAY = "NO"


def _by(children: Iterable[Child], key_of: Callable[[Child], Key]) -> dict[Key, Child]:
    return {key_of(child): child for child in children}


def _ones(load: Callable[[list[Key]], Awaitable[Mapping[Key, Child]]]) -> DataLoader[Key, Child | None]:
    async def batch(keys: list[Key]) -> list[Child | None]:
        found = await load(keys)
        return [found.get(key) for key in keys]

    return DataLoader(batch)


def _lists(load: Callable[[list[Key]], Awaitable[Mapping[Key, list[Child]]]]) -> DataLoader[Key, list[Child]]:
    async def batch(keys: list[Key]) -> list[list[Child]]:
        found = await load(keys)
        return [found.get(key, []) for key in keys]

    return DataLoader(batch)


def _pages(
    load: Callable[[list[Key], Keyset], Awaitable[Mapping[Key, list[Child]]]],
) -> DataLoader[tuple[Key, Keyset], list[Child]]:
    async def batch(keys: list[tuple[Key, Keyset]]) -> list[list[Child]]:
        # One query for all parents that ask for the same page; an operation rarely asks for two pages.
        found: dict[tuple[Key, Keyset], list[Child]] = {}
        for keyset in dict.fromkeys(keyset for _, keyset in keys):
            pages = await load([parent for parent, wanted in keys if wanted == keyset], keyset)
            found |= {(parent, keyset): page for parent, page in pages.items()}
        return [found.get(key, []) for key in keys]

    return DataLoader(batch)


def _remembered(read: list[Object], by: DataLoader[Id, Object | None]) -> list[Object]:
    """What a page has read, as `by` gives it from now on; what is being loaded just now stays with its load."""
    known = by.cache_map
    by.prime_many({key: found for found in read if known.get(key := cast("Id", found.id)) is None})
    return read


class SetLoaders:
    """The relations of one user's objects."""

    def __init__(self, services: Services, user_id: UserId | None) -> None:
        self._services = services
        self._user_id = user_id
        self.kyc = DataLoader(self._kyc)
        self.bank = DataLoader(self._bank)
        self.account = DataLoader(self._account)
        self.payment = DataLoader(self._payment)
        self.upload = DataLoader(self._upload)
        self.balances: DataLoader[AccountId, list[Balance]] = _lists(services.accounts.balances)
        self.transactions = _pages(self._transactions)
        self.line_payment = DataLoader(self._line_payment)
        self.payment_lines: DataLoader[PaymentId, list[Transaction]] = _lists(self._payment_lines)
        self.bank_link = DataLoader(self._bank_link)
        self.bank_link_accounts = DataLoader(self._bank_link_accounts)
        self.reads = DataLoader(self._reads)
        self.consent_text_version = DataLoader(self._consent_text_version)
        self.consent_authorisation = DataLoader(self._consent_authorisation)
        self.payment_history: DataLoader[tuple[PaymentId, Keyset], list[PaymentEvent]] = _pages(
            services.payments.history
        )
        self.settled_at: DataLoader[PaymentId, datetime | None] = _ones(services.payments.settled_at)
        self.refunds: DataLoader[tuple[PaymentId, Keyset], list[Refund]] = _pages(services.card_payments.refunds)
        self.disputes: DataLoader[PaymentId, list[Dispute]] = _lists(services.card_payments.disputes)
        self.plan = DataLoader(self._plan)
        self.plan_invoices: DataLoader[tuple[PlanSubscriptionId, Keyset], list[PlanInvoice]] = _pages(
            services.plans.invoices
        )

    def _viewer(self) -> UserId:
        if self._user_id is None:
            raise Unauthenticated
        return self._user_id

    async def _kyc(self, keys: list[UserId]) -> list[Kyc]:
        found = _by(await self._services.kyc.of_users(keys), lambda loaded: loaded.user_id)
        return [found[key] for key in keys]

    async def _plan(self, keys: list[UserId]) -> list[PlanSubscription | None]:
        found = _by(await self._services.plans.open_of_users(keys), lambda loaded: loaded.user_id)
        return [found.get(key) for key in keys]

    async def _bank(self, keys: list[BankId]) -> list[Bank | None]:
        found = _by(await self._services.bank_list.of(_NORWAY), lambda loaded: loaded.id)
        return [found.get(key) for key in keys]

    async def _own(
        self, kind: str, by_ids: Callable[[UserId, list[Id]], Awaitable[Iterable[Object]]], keys: list[Id]
    ) -> list[Object | None]:
        """The viewer's objects; what a client sent that cannot be an id of this kind is not asked for."""
        possible = [key for key in keys if ids.is_id(key, kind)]
        found = {loaded.id: loaded for loaded in await by_ids(self._viewer(), possible)} if possible else {}
        return [found.get(key) for key in keys]

    async def _account(self, keys: list[AccountId]) -> list[BankAccount | None]:
        return await self._own(ids.ACCOUNT, self._services.accounts.by_ids, keys)

    async def _payment(self, keys: list[PaymentId]) -> list[Payment | None]:
        return await self._own(ids.PAYMENT, self._services.payments.by_ids, keys)

    async def _upload(self, keys: list[UploadId]) -> list[Upload | None]:
        return await self._own(ids.UPLOAD, self._services.uploads.by_ids, keys)

    async def _transactions(self, accounts: list[AccountId], keyset: Keyset) -> Mapping[AccountId, list[Transaction]]:
        return await self._services.accounts.transactions(self._viewer(), accounts, keyset)

    async def _line_payment(self, lines: list[TransactionId]) -> list[Payment | None]:
        shown = await self._services.payments.of_lines(self._viewer(), lines)
        found = iter(await self.payment.load_many([shown[line] for line in lines if line in shown]))
        return [next(found) if line in shown else None for line in lines]

    async def _payment_lines(self, payments: list[PaymentId]) -> Mapping[PaymentId, list[Transaction]]:
        return await self._services.payments.lines(self._viewer(), payments)

    async def _bank_link(self, keys: list[BankLinkId]) -> list[BankLink | None]:
        return await self._own(ids.BANK_LINK, self._services.bank_links.by_ids, keys)

    async def _bank_link_accounts(self, keys: list[BankLinkId]) -> list[list[BankAccount]]:
        accounts = await self._services.accounts.of_bank_links(self._viewer(), keys)
        return [[account for account in accounts if account.bank_link_id == key] for key in keys]

    async def _reads(self, keys: list[BankLinkId]) -> list[ReadsToday]:
        found = await self._services.bank_links.reads_today(keys)
        return [found[key] for key in keys]

    async def _consent_text_version(self, keys: list[BankLinkId]) -> list[int | None]:
        found = await self._services.bank_links.text_versions(keys)
        return [found.get(key) for key in keys]

    async def _consent_authorisation(self, keys: list[BankLinkId]) -> list[SealedAuthorisation | None]:
        found = await self._services.bank_links.awaited(keys)
        return [found.get(key) for key in keys]


class ViewerPages:
    """The viewer's own lists, bounded. What a page has read is not loaded again where another object points at it."""

    def __init__(self, services: Services, loaders: SetLoaders, user_id: UserId | None) -> None:
        self._services = services
        self._loaders = loaders
        self._user_id = user_id

    def _viewer(self) -> UserId:
        if self._user_id is None:
            raise Unauthenticated
        return self._user_id

    async def payments(self, page: PaymentPage) -> list[Payment]:
        payments = await self._services.payments.page(self._viewer(), page)
        return _remembered(payments, self._loaders.payment)

    async def payees(self, limit: int) -> list[Payee]:
        return await self._services.payments.payees(self._viewer(), limit)

    async def transactions(self, search: TransactionSearch, keyset: Keyset) -> list[Transaction]:
        return await self._services.accounts.search(self._viewer(), search, keyset)

    async def accounts(self, keyset: Keyset) -> list[BankAccount]:
        accounts = await self._services.accounts.page(self._viewer(), keyset)
        return _remembered(accounts, self._loaders.account)

    async def bank_links(self, keyset: Keyset) -> list[BankLink]:
        bank_links = await self._services.bank_links.page(self._viewer(), keyset)
        return _remembered(bank_links, self._loaders.bank_link)

    async def count_bank_links(self) -> int:
        return await self._services.bank_links.count(self._viewer())

    async def uploads(self, keyset: Keyset) -> list[Upload]:
        uploads = await self._services.uploads.page(self._viewer(), keyset)
        return _remembered(uploads, self._loaders.upload)

    async def cards(self, keyset: Keyset) -> list[Card]:
        return await self._services.cards.page(self._viewer(), keyset)

    async def data_exports(self, keyset: Keyset) -> list[DataExport]:
        return await self._services.exports.page(self._viewer(), keyset)

    async def vendor_migrations(self) -> list[CustomerMigration]:
        return list(await self._services.vendor_migrations.of_user(self._viewer()))

    async def sessions(self, keyset: Keyset) -> list[Session]:
        return await self._services.sessions.page(self._viewer(), keyset)


class PresignedDownloadUrls:
    """The full address: the mock's store gives a path of this host."""

    def __init__(self, services: Services, base_url: str) -> None:
        self._services = services
        self._base_url = base_url

    def upload(self, upload: Upload) -> str | None:
        return self._absolute(self._services.uploads.download_url(upload))

    def data_export(self, export: DataExport) -> str | None:
        return self._absolute(self._services.exports.download_url(export))

    def _absolute(self, url: str | None) -> str | None:
        return urljoin(self._base_url, url) if url else None
