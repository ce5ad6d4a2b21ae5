"""Accounts at the user's banks, as the banks report them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.account_number import AccountNumber
from domain.ids import AccountId, BankId, BankLinkId, TransactionId, UserId
from domain.money import Money


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank that Drop reaches. `country` is its ISO 3166 code, `part_of` the name of the bank that bought it."""

    id: BankId
    name: str
    bic: str
    country: str = "NO"
    part_of: str | None = None


class BalanceType(StrEnum):
    """Whether a balance counts reservations: BOOKED does not, AVAILABLE is what can be spent."""

    BOOKED = "BOOKED"
    AVAILABLE = "AVAILABLE"


class TransactionStatus(StrEnum):
    """Whether a statement's line is final: a PENDING line may still change or disappear."""

    BOOKED = "BOOKED"
    PENDING = "PENDING"


@dataclass(frozen=True, slots=True)
class Balance:
    """What a bank reported of an account at `as_of`. A negative amount is an overdraft."""

    type: BalanceType
    amount: Money
    as_of: datetime


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account of the user at a bank, unique per user, number and currency.

    Without `is_available` no active consent covers it: what was read before is shown, and nothing new is read.
    `balances` are set where the account is shown as it was at an event; else they are read apart. `unreadable_items`
    counts what could not be read when it was read last, and without `has_whole_statement` that reading broke off.
    """

    id: AccountId
    user_id: UserId
    bank_link_id: BankLinkId
    bank_id: BankId
    number: AccountNumber
    currency: str
    name: str
    owner_name: str
    is_available: bool
    balance_refreshed_at: datetime | None
    version: int = 0
    balances: tuple[Balance, ...] | None = None
    unreadable_items: int = 0
    has_whole_statement: bool = True


@dataclass(frozen=True, slots=True)
class Transaction:
    """A line of an account's statement. A negative amount left the account.

    `value_date` is from when it counts for interest, where the bank tells it.
    """

    id: TransactionId
    account_id: AccountId
    status: TransactionStatus
    amount: Money
    booking_date: date
    counterparty_name: str | None
    counterparty_account: str | None
    message: str | None
    kid: str | None
    end_to_end_id: str | None
    value_date: date | None = None
