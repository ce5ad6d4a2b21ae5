"""Accounts at the user's banks, as the banks report them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.account_number import AccountNumber
from domain.ids import AccountId, BankId, ConnectionId, TransactionId, UserId
from domain.money import Money


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank that Drop reaches. `part_of` names the bank that it is now part of."""

    id: BankId
    name: str
    bic: str
    country: str = "NO"
    part_of: str | None = None


class BalanceType(StrEnum):
    BOOKED = "BOOKED"
    AVAILABLE = "AVAILABLE"


class TransactionStatus(StrEnum):
    BOOKED = "BOOKED"
    PENDING = "PENDING"


@dataclass(frozen=True, slots=True)
class Balance:
    type: BalanceType
    amount: Money
    as_of: datetime


@dataclass(frozen=True, slots=True)
class BankAccount:
    id: AccountId
    user_id: UserId
    connection_id: ConnectionId
    bank_id: BankId
    number: AccountNumber
    currency: str
    name: str
    owner_name: str
    is_available: bool
    balance_refreshed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A line of the statement. A negative amount left the account."""

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
