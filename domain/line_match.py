"""What a booked line of a statement says of the payment whose end-to-end id it bears."""

from enum import StrEnum

from domain.bank_account import BankAccount, Transaction
from domain.payment import Payment, Status


class LineMatch(StrEnum):
    """What a line is to the payment. The values are stored.

    DEBIT is the money that left the payer's account, RETURN what came back to it, PAYEE what reached the payee. ODD is
    anything else that bears one of our ids, and FOREIGN a line whose id is not of ours.
    """

    DEBIT = "DEBIT"
    RETURN = "RETURN"
    PAYEE = "PAYEE"
    ODD = "ODD"
    FOREIGN = "FOREIGN"


def match(payment: Payment, line: Transaction, account: BankAccount, *, was_debited: bool) -> LineMatch:
    """What a booked line of `account` is to the payment. `was_debited`: another line has shown that its money left.

    A bank that called the payment rejected itself, and books it, has to explain that: the line is ODD.
    """
    amount = line.amount
    if amount.currency != payment.amount.currency:
        return LineMatch.ODD
    is_own = payment.debtor_account_id == account.id
    if amount.amount_minor < 0:
        is_whole = is_own and amount.amount_minor == -payment.amount.amount_minor
        return LineMatch.DEBIT if is_whole and not was_debited and payment.may_have_moved else LineMatch.ODD
    if account.number.iban == payment.creditor_account.iban and amount == payment.amount:
        return LineMatch.PAYEE
    has_left = was_debited or payment.status is Status.SETTLED
    is_within = payment.returned_minor + amount.amount_minor <= payment.amount.amount_minor
    return LineMatch.RETURN if is_own and has_left and is_within else LineMatch.ODD
