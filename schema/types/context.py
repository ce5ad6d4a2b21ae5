"""What the types need of the request: loaders that answer for a list of parents in one statement."""

from typing import Protocol, TypeVar

from domain.bank_account import Balance, Bank, BankAccount, Transaction
from domain.consent import BankConnection, ReadsToday
from domain.dispute import Dispute
from domain.ids import AccountId, BankId, ConnectionId, PaymentId, PlanSubscriptionId, UserId
from domain.kyc import Kyc
from domain.page import DatedKeyset, Keyset, PaymentPage
from domain.payment import Payment, PaymentEvent
from domain.plan import PlanInvoice, PlanSubscription
from domain.refund import Refund
from domain.session import Session

Key_contra = TypeVar("Key_contra", contravariant=True)
Value_co = TypeVar("Value_co", covariant=True)


class Loader(Protocol[Key_contra, Value_co]):
    async def load(self, key: Key_contra) -> Value_co: ...


class Loaders(Protocol):
    """One set per operation and per subscription event, never per connection."""

    @property
    def kyc(self) -> Loader[UserId, Kyc]: ...
    @property
    def bank(self) -> Loader[BankId, Bank | None]: ...
    @property
    def account(self) -> Loader[AccountId, BankAccount | None]: ...
    @property
    def balances(self) -> Loader[AccountId, list[Balance]]: ...
    @property
    def transactions(self) -> Loader[tuple[AccountId, DatedKeyset], list[Transaction]]: ...
    @property
    def connection(self) -> Loader[ConnectionId, BankConnection | None]: ...
    @property
    def connection_accounts(self) -> Loader[ConnectionId, list[BankAccount]]: ...
    @property
    def reads(self) -> Loader[ConnectionId, ReadsToday]: ...
    @property
    def payment_history(self) -> Loader[PaymentId, list[PaymentEvent]]: ...
    @property
    def refunds(self) -> Loader[PaymentId, list[Refund]]: ...
    @property
    def dispute(self) -> Loader[PaymentId, Dispute | None]: ...
    @property
    def plan(self) -> Loader[UserId, PlanSubscription | None]: ...
    @property
    def plan_invoices(self) -> Loader[PlanSubscriptionId, list[PlanInvoice]]: ...


class Pages(Protocol):
    """The viewer's own lists."""

    async def payments(self, page: PaymentPage) -> list[Payment]: ...
    async def accounts(self, keyset: Keyset) -> list[BankAccount]: ...
    async def connections(self) -> list[BankConnection]: ...
    async def sessions(self) -> list[Session]: ...


class HasLoaders(Protocol):
    @property
    def loaders(self) -> Loaders: ...
    @property
    def pages(self) -> Pages: ...
    @property
    def session_id(self) -> str | None: ...
