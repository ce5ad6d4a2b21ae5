"""What a booked line of a statement says of the payment whose end-to-end id it bears."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from domain.bank_account import BankAccount, Transaction
from domain.ids import is_end_to_end_id
from domain.ledger import EntryKind, LedgerEntry
from domain.payment import Payment, Status


class LineMatch(StrEnum):
    """What a line is to the payment. The values are stored.

    DEBIT is the money that left the payer's account, RETURN what came back to it, PAYEE what reached the payee. ODD is
    anything else that bears a payment's id, and FOREIGN a line whose id is no payment's. WITHDRAWN
    was DEBIT or RETURN, and the bank lists it no more.
    """

    DEBIT = "DEBIT"
    RETURN = "RETURN"
    PAYEE = "PAYEE"
    ODD = "ODD"
    FOREIGN = "FOREIGN"
    WITHDRAWN = "WITHDRAWN"


class Oddity(StrEnum):
    """Why a line that bears one of our ids fits no payment. The values are stored.

    CURRENCY, ACCOUNT and AMOUNT are others than the payment's. DIRECTION: money came in, of which none has left.
    SECOND_DEBIT: another line is the payment's debit. REJECTED: the bank itself has rejected the payment.
    UNKNOWN_PAYMENT: a debit whose id has the form of ours, of no payment that there is. OTHER was not noted.
    """

    CURRENCY = "CURRENCY"
    ACCOUNT = "ACCOUNT"
    AMOUNT = "AMOUNT"
    DIRECTION = "DIRECTION"
    SECOND_DEBIT = "SECOND_DEBIT"
    REJECTED = "REJECTED"
    UNKNOWN_PAYMENT = "UNKNOWN_PAYMENT"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER


def match(payment: Payment, line: Transaction, account: BankAccount, others: Sequence[LedgerEntry]) -> LineMatch:
    """What a booked line of `account` is to the payment. `others` is what other lines have shown to have moved."""
    if oddity(payment, line, account, others) is not None:
        return LineMatch.ODD
    if line.amount.amount_minor < 0:
        return LineMatch.DEBIT
    return LineMatch.PAYEE if _is_payees(account, payment) else LineMatch.RETURN


def oddity(payment: Payment, line: Transaction, account: BankAccount, others: Sequence[LedgerEntry]) -> Oddity | None:
    """Why a booked line does not fit the payment whose id it bears; None where it does. The rest as in `match`.

    A bank that called the payment rejected itself, and books it, has to explain that.
    """
    if line.amount.currency != payment.amount.currency:
        return Oddity.CURRENCY
    if line.amount.amount_minor < 0:
        return _odd_debit(payment, line, account, others)
    return _odd_credit(payment, line, account, others)


def unknown_payment(line: Transaction) -> Oddity | None:
    """Whether a line bears an id of ours that is no payment's. Whoever pays in may have made one up: debits count."""
    is_ours = line.amount.amount_minor < 0 and is_end_to_end_id(line.end_to_end_id or "")
    return Oddity.UNKNOWN_PAYMENT if is_ours else None


def _odd_debit(
    payment: Payment, line: Transaction, account: BankAccount, others: Sequence[LedgerEntry]
) -> Oddity | None:
    if payment.debtor_account_id != account.id:
        return Oddity.ACCOUNT
    if line.amount.amount_minor != -payment.amount.amount_minor:
        return Oddity.AMOUNT
    if _was_debited(others):
        return Oddity.SECOND_DEBIT
    return None if payment.may_have_moved else Oddity.REJECTED


def _odd_credit(
    payment: Payment, line: Transaction, account: BankAccount, others: Sequence[LedgerEntry]
) -> Oddity | None:
    if _is_payees(account, payment):
        return None if line.amount == payment.amount else Oddity.AMOUNT
    if payment.debtor_account_id != account.id:
        return Oddity.ACCOUNT
    if not _was_debited(others) and payment.status is not Status.SETTLED:
        return Oddity.DIRECTION
    returned = sum(entry.amount.amount_minor for entry in others if entry.kind is EntryKind.RETURNED)
    return None if returned + line.amount.amount_minor <= payment.amount.amount_minor else Oddity.AMOUNT


def _was_debited(others: Sequence[LedgerEntry]) -> bool:
    return any(entry.kind is EntryKind.BOOKED for entry in others)


def _is_payees(account: BankAccount, payment: Payment) -> bool:
    return account.number.iban == payment.creditor_account.iban
