"""Enable Banking's objects in our words. Source: docs/vendors/enable_banking.md, Accounts and sessions, Payments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from domain.account_number import AccountNumber, parse_account_number
from domain.bank_account import Balance, BalanceType, TransactionStatus
from domain.money import Money, decimal_of
from domain.payment import Failure, Payment, Status
from providers.calling.vendor_http import Answer
from providers.open_banking.bank_profiles import AccountKind, BankProfile, account_reference
from providers.open_banking.port import AccountAtBank, TransactionAtBank, TransactionPage
from providers.open_banking.readings import GeneratedReferences, Words, money, shown_balances
from providers.open_banking.status import FAILURES, PAYMENT_STATUS, end_of

_BALANCES: Final[Words] = {
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
# The vendor has a code of its own for cancelled payments.
_STATUS: Final[Mapping[str, Status]] = {**PAYMENT_STATUS, "CNCL": Status.CANCELLED}


def account(uid: str, document: Mapping[str, Any]) -> AccountAtBank | None:
    """An account, None for one without an account number, such as a card."""
    account_id = document.get("account_id") or {}
    other = account_id.get("other") or {}
    number = other.get("identification") if other.get("scheme_name") == "BBAN" else None
    number = number or account_id.get("iban")
    if not number:
        return None
    name = document.get("details") or document.get("product") or document.get("name") or number
    return AccountAtBank(uid, parse_account_number(number), document["currency"], name, document.get("name") or "")


def balances(items: Sequence[Mapping[str, Any]], now: datetime) -> list[Balance]:
    """The booked and the available balance. `now` dates a balance for which the bank gives no time."""
    by_type = {item["balance_type"]: item for item in items}
    return [
        Balance(kind, money(item["balance_amount"]), _as_of(item, now))
        for kind, item in shown_balances(by_type, _BALANCES)
    ]


def _as_of(item: Mapping[str, Any], now: datetime) -> datetime:
    changed_at = item.get("last_change_date_time")
    return datetime.fromisoformat(changed_at) if changed_at else now


def transactions(answer: Answer) -> TransactionPage:
    """A page of transactions, newest first, with the key of the next page."""
    generated = GeneratedReferences()
    items = answer.document["transactions"]
    found = [_transaction(item, generated) for item in items if item.get("status", "BOOK") in _TRANSACTION]
    found.sort(key=lambda transaction: (transaction.booking_date, transaction.status), reverse=True)
    return TransactionPage(found, answer.document.get("continuation_key") or None)


def _transaction(item: Mapping[str, Any], generated: GeneratedReferences) -> TransactionAtBank:
    """The indicator decides the sign: banks differ in whether the amount has one (enable_banking.md, Accounts)."""
    is_debit = item["credit_debit_indicator"] == "DBIT"
    given = money(item["transaction_amount"])
    amount = Money(-abs(given.amount_minor) if is_debit else abs(given.amount_minor), given.currency)
    other, account = ("creditor", "creditor_account") if is_debit else ("debtor", "debtor_account")
    booked = item.get("booking_date") or item.get("value_date") or item["transaction_date"]
    message = " ".join(item.get("remittance_information") or ()) or None
    reference = item.get("transaction_id") or item.get("entry_reference")
    if not reference:
        reference = generated.reference(booked, amount.amount_minor, amount.currency, message)
    number = item.get(account) or {}
    return TransactionAtBank(
        reference=str(reference)[:100],
        status=_TRANSACTION[item.get("status", "BOOK")],
        amount=amount,
        booking_date=date.fromisoformat(booked),
        counterparty_name=(item.get(other) or {}).get("name"),
        counterparty_account=number.get("iban") or (number.get("other") or {}).get("identification"),
        message=message,
        kid=item.get("reference_number"),
        end_to_end_id=item.get("end_to_end_id"),
    )


def payment_request(profile: BankProfile, payment: Payment, debtor: AccountNumber) -> dict[str, object]:
    """The `payment_request` object of an initiation."""
    transaction: dict[str, object] = {
        "instructed_amount": {
            "currency": payment.amount.currency,
            "amount": decimal_of(payment.amount.amount_minor),
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

    `bank` is the bank's name at the vendor, `word` the status code, `reason` the code of a rejection. `is_final` says
    that the status does not change any more.
    """

    bank: str
    word: str
    is_final: bool
    reason: str | None
    execution_date: date | None


def payment(answer: Answer) -> PaymentAtVendor:
    """The payment in an answer to a status request."""
    document = answer.document
    details = document.get("payment_details") or {}
    transactions = details.get("credit_transfer_transaction") or [{}]
    day = transactions[0].get("requested_execution_date")
    return PaymentAtVendor(
        str((document.get("aspsp") or {}).get("name", "")),
        str(document["status"]),
        bool(document.get("final_status")),
        (document.get("status_reason_information") or {}).get("status_reason_code"),
        date.fromisoformat(day) if day else None,
    )


def payment_status(payment: PaymentAtVendor, enough: frozenset[str], today: date) -> tuple[Status, Failure | None]:
    """The status of a payment, with the reason if it failed.

    `enough` are the last statuses that the bank sends for a payment that went well (`Aspsp.final_statuses`): a payment
    with one of them counts as settled. `today` is the date in Oslo.
    """
    status = _STATUS.get(payment.word, Status.AUTHORISATION_REQUIRED)
    if payment.is_final and payment.word in enough:
        return Status.SETTLED, None
    if status is Status.REJECTED:
        failure = FAILURES.get(_REASONS.get(payment.reason or "", ""))
        return end_of(failure), failure
    if status is Status.PROCESSING and payment.execution_date is not None and payment.execution_date > today:
        return Status.SCHEDULED, None
    return status, None
