"""Enable Banking's objects in our words. Source: docs/vendors/enable_banking.md, Accounts and sessions, Payments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from domain.account_number import AccountNumber
from domain.bank_account import BalanceType, TransactionStatus
from domain.money import Money, decimal_of
from domain.payment import Failure, Payment, Status
from domain.statement import ItemKind, StatementLine
from providers.calling.json_parts import objects_in, text, within
from providers.calling.loopback import is_safe
from providers.calling.status_words import status_of
from providers.calling.vendor_http import Answer
from providers.open_banking.bank_profiles import AccountKind, BankProfile, account_reference
from providers.open_banking.port import AccountAtBank
from providers.open_banking.readings import (
    BalanceAtBank,
    Words,
    currency_of,
    day_of,
    each,
    entry_reference,
    first_day,
    first_number,
    has_message_instead,
    is_own,
    items_of,
    money,
    our_id_in,
    texts,
    time_of,
)
from providers.open_banking.statement_pages import StatementPage
from providers.open_banking.status import FAILURES, NOT_TAKEN, PAYMENT_STATUS, end_of

BALANCES: Final[Words] = {
    BalanceType.BOOKED: ("ITBD", "CLBD", "OPBD"),
    BalanceType.AVAILABLE: ("ITAV", "CLAV", "XPCD", "FWAV"),
}
_TRANSACTION: Final = {"BOOK": TransactionStatus.BOOKED, "PDNG": TransactionStatus.PENDING}
# ISO 20022 ExternalStatusReason1Code, mapped to the keys of `status.FAILURES`.
_REASONS: Final = {
    "AM04": "FUNDS_NOT_AVAILABLE",
    "CUST": "AUTHORISATION_REFUSED",
    "NOAS": "AUTHORISATION_EXPIRED",
    "ED05": "EXECUTION_FAILED",
}
# The vendor has a code of its own for cancelled payments. Without an SCA status beside it, PATC tells that the user
# has approved, and that another has to (ISO 20022).
_STATUS: Final[Mapping[str, Status]] = {**PAYMENT_STATUS, "CNCL": Status.CANCELLED, "PATC": Status.PROCESSING}


def account(uid: str, document: Mapping[str, Any]) -> AccountAtBank | None:
    """An account, None for one without an account number, such as a card."""
    is_bban = within(document, "account_id", "other", "scheme_name") == "BBAN"
    bban = within(document, "account_id", "other", "identification") if is_bban else None
    number = first_number(within(document, "account_id", "iban"), bban)
    if number is None:
        return None
    owner = text(document.get("name"))
    name = text(document.get("details")) or text(document.get("product")) or owner
    currency = currency_of(document["currency"])
    return AccountAtBank(uid, number, currency, name or number.bban or number.iban, owner or "")


def balance(item: Mapping[str, Any]) -> BalanceAtBank:
    """A balance of any type."""
    at = time_of(item.get("last_change_date_time"), item.get("reference_date"))
    return BalanceAtBank(str(item["balance_type"]), money(item["balance_amount"]), at)


def transactions(answer: Answer, own: AccountNumber) -> StatementPage:
    """A page of the statement of the account with the number `own`, with the key of the next page.

    Raises KeyError or TypeError if it is no statement.
    """
    items = items_of(answer, "transactions")
    read = each(ItemKind.TRANSACTION, items, lambda item: _transaction(item, own))
    following = text(answer.document.get("continuation_key"))
    return StatementPage(read.found, read.put_aside, following, has_message_instead(answer, "transactions"))


def _transaction(item: Mapping[str, Any], own: AccountNumber) -> StatementLine | None:
    """A line, None for one that is no movement, such as a rejected one."""
    status = _TRANSACTION.get(item.get("status") or "BOOK")
    if status is None:
        return None
    given = money(item["transaction_amount"])
    is_debit = _is_debit(item, given, own)
    amount = Money(-abs(given.amount_minor) if is_debit else abs(given.amount_minor), given.currency)
    other = "creditor" if is_debit else "debtor"
    reference = text(item.get("reference_number"))
    # Lines have no field of their own for the end-to-end id; banks put it where they have room.
    ours = our_id_in(item.get("entry_reference"), reference, item.get("remittance_information"))
    return StatementLine(
        transaction_id=text(item.get("transaction_id")),
        entry_reference=entry_reference(item.get("entry_reference")),
        status=status,
        amount=amount,
        booking_date=first_day(item, "booking_date", "value_date", "transaction_date"),
        counterparty_name=text(within(item, other, "name")),
        counterparty_account=next((written for value in _numbers(item, other) if (written := text(value))), None),
        message=texts(item.get("remittance_information")),
        kid=reference if reference != ours else None,
        end_to_end_id=ours,
        value_date=first_day(item, "value_date"),
    )


def _is_debit(item: Mapping[str, Any], amount: Money, own: AccountNumber) -> bool:
    """Whether the line is money out. Raises ValueError where nothing tells.

    The indicator decides: banks differ in whether the amount has a sign (enable_banking.md, Accounts). Without one a
    minus does, then whose number it is, then who is named.
    """
    indicator = text(item.get("credit_debit_indicator"))
    if indicator in ("DBIT", "CRDT"):
        return indicator == "DBIT"
    if amount.amount_minor < 0:
        return True
    is_payee, is_payer = (is_own(own, *_numbers(item, side)) for side in ("creditor", "debtor"))
    names_payee, names_payer = (bool(item.get(side) or item.get(f"{side}_account")) for side in ("creditor", "debtor"))
    if is_payee != is_payer:
        return is_payer
    if names_payee == names_payer:
        raise ValueError("no direction")
    return names_payee


def _numbers(item: Mapping[str, Any], side: str) -> tuple[object, object]:
    """The account numbers of one side, as they are written."""
    account = f"{side}_account"
    return within(item, account, "iban"), within(item, account, "other", "identification")


def payment_request(profile: BankProfile, payment: Payment, debtor: AccountNumber) -> dict[str, object]:
    """The `payment_request` object of an initiation."""
    transaction: dict[str, object] = {
        "instructed_amount": {
            "currency": payment.amount.currency,
            "amount": decimal_of(payment.amount.amount_minor, payment.amount.currency),
        },
        "beneficiary": {
            "creditor": {"name": payment.creditor_name},
            "creditor_account": _number(profile.creditor, payment.creditor_account),
        },
        "payment_id": {"end_to_end_id": payment.end_to_end_id},
    }
    if payment.kid is not None:
        # NORF marks the reference number as a Norwegian KID.
        transaction["reference_number"] = payment.kid
        transaction["reference_number_schema"] = "NORF"
    if payment.message is not None:
        transaction["remittance_information"] = [payment.message]
    if payment.scheduled_for is not None:
        transaction["requested_execution_date"] = payment.scheduled_for.isoformat()
    return {"debtor_account": _number(profile.debtor, debtor), "credit_transfer_transaction": [transaction]}


def _number(kind: AccountKind, number: AccountNumber) -> dict[str, str]:
    ((scheme, identification),) = account_reference(kind, number).items()
    return {"scheme_name": scheme.upper(), "identification": identification}


@dataclass(frozen=True, slots=True)
class PaymentAtVendor:
    """How a payment stands, as the vendor reports it.

    `word` is the status code, `reason` the code of a rejection. `is_final` says that the status does not change any
    more.
    """

    word: str
    is_final: bool
    reason: str | None
    execution_date: date | None


def payment(answer: Answer) -> PaymentAtVendor:
    """The payment in an answer to a status request."""
    document = answer.document
    transfers = objects_in(within(document, "payment_details", "credit_transfer_transaction"))
    return PaymentAtVendor(
        str(document["status"]),
        document.get("final_status") is True,
        text(within(document, "status_reason_information", "status_reason_code")),
        _day(transfers[0].get("requested_execution_date")) if transfers else None,
    )


def _day(value: object) -> date | None:
    """The day of a date, None for what is none: it must not lose the status beside it."""
    try:
        return day_of(value)
    except (TypeError, ValueError):
        return None


def payment_status(
    payment: PaymentAtVendor, enough: frozenset[str], today: date
) -> tuple[Status | None, Failure | None]:
    """The status of a payment, with the reason if it failed; None for a status that is not known.

    `enough` are the last statuses that the bank sends for a payment that went well (`Aspsp.final_statuses`): a payment
    with one of them counts as settled. `today` is the date in Oslo.
    """
    status = status_of(_STATUS, payment.word, of="bank payment")
    if payment.is_final and payment.word in enough:
        return Status.SETTLED, None
    if status is Status.REJECTED:
        return rejection(payment.reason)
    if payment.is_final and (status is None or not status.is_final):
        # The vendor sends no more reports: the payment may be carried out, and the account's statement decides.
        status = Status.PROCESSING
    if status is Status.PROCESSING and payment.execution_date is not None and payment.execution_date > today:
        return Status.SCHEDULED, None
    return status, None


def rejection(reason: str | None) -> tuple[Status, Failure]:
    """The status and the failure of a payment that was rejected, by the code of its reason."""
    failure = FAILURES.get(_REASONS.get(reason or "", ""), NOT_TAKEN)
    return end_of(failure), failure


def page(answer: Answer) -> str:
    """The address of the vendor's page. Raises ValueError if it is not encrypted."""
    url = str(answer.document["url"])
    if not is_safe(url):
        raise ValueError("the page is not encrypted")
    return url
