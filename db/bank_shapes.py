"""How bank links, accounts, balances and statements' lines lie in columns."""

from typing import Final

from db.shapes import Shape, each, made, optional
from db.tables.bank import AccountReadRow, BalanceRow, BankAccountRow, BankLinkRow, BankTransactionRow
from domain.account_number import AccountNumber
from domain.bank_account import Balance, BalanceType, BankAccount, Transaction, TransactionStatus
from domain.consent import AccountRead, BankLink, BankLinkEnd, BankLinkStatus
from domain.money import Money

BANK_LINK: Final = Shape(
    BankLink,
    BankLinkRow,
    {
        **each("id", "user_id", "bank_id", "vendor", "created_at", "expires_at", "unreadable_accounts", "version"),
        "status": made(BankLinkStatus, "status"),
        "ended_because": optional(BankLinkEnd, "ended_because"),
    },
)
# `is_available` is told beside the row: an active consent decides it.
BANK_ACCOUNT: Final = Shape(
    BankAccount,
    BankAccountRow,
    {
        **each("id", "user_id", "bank_link_id", "bank_id", "currency", "name", "owner_name", "is_available"),
        **each("balance_refreshed_at", "version", "unreadable_items", "has_whole_statement"),
        "number": made(AccountNumber, "iban", "bban"),
    },
)
BALANCE: Final = Shape(
    Balance,
    BalanceRow,
    {**each("as_of"), "type": made(BalanceType, "type"), "amount": made(Money, "amount_minor", "currency")},
)
TRANSACTION: Final = Shape(
    Transaction,
    BankTransactionRow,
    {
        **each("id", "account_id", "booking_date", "counterparty_name", "counterparty_account", "message", "kid"),
        **each("end_to_end_id", "value_date"),
        "status": made(TransactionStatus, "status"),
        "amount": made(Money, "amount_minor", "currency"),
    },
)
ACCOUNT_READ: Final = Shape(AccountRead, AccountReadRow, each("at", "is_attended"))
