"""NextGenPSD2 objects as Drop's values, for aggregators and banks alike. Source: docs/vendors/nextgenpsd2.md."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import structlog

from domain.account_number import parse_account_number
from domain.bank_account import Balance, BalanceType, TransactionStatus
from domain.consent import ConsentStatus
from domain.money import Money
from domain.payment import Failure, Status
from providers.open_banking.port import AccountAtBank, ConsentState, TransactionAtBank
from providers.open_banking.readings import GeneratedReferences, Words, money, shown_balances
from providers.open_banking.status import (
    CONSENT_STATUS,
    FAILURES,
    PAYMENT_STATUS,
    SCA_DONE,
    SCA_FAILED,
    end_of,
)

_BALANCES: Final[Words] = {
    BalanceType.BOOKED: ("interimBooked", "closingBooked", "openingBooked"),
    BalanceType.AVAILABLE: ("interimAvailable", "expected", "forwardAvailable", "authorised"),
}
# By the code in tppMessages (nextgenpsd2.md, Errors and notifications), mapped to the keys of `status.FAILURES`.
_REASONS: Final = {
    "FUNDS_NOT_AVAILABLE": "FUNDS_NOT_AVAILABLE",
    "PAYMENT_FAILED": "EXECUTION_FAILED",
    "AUTHENTICATION_SESSION_EXPIRED": "AUTHORISATION_EXPIRED",
    "RESOURCE_EXPIRED": "AUTHORISATION_EXPIRED",
}
_log = structlog.get_logger()


def codes_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The error codes of an answer, in either form of the standard (nextgenpsd2.md, Errors and notifications)."""
    messages = answer.get("tppMessages")
    found = (
        [message.get("code") for message in messages if isinstance(message, Mapping)]
        if isinstance(messages, list)
        else []
    )
    return tuple(str(code) for code in (*found, answer.get("code")) if code)


def link_of(document: Mapping[str, Any], name: str) -> str | None:
    """The address of a link, None without one. The standard has an object with `href`, some banks send a string."""
    link = (document.get("_links") or {}).get(name)
    href = link.get("href") if isinstance(link, Mapping) else link
    return str(href) if href else None


def consent_state(answer: Mapping[str, Any]) -> ConsentState:
    """The state of a consent. Without an end date the bank has not shortened the consent: `date.max`."""
    word = answer["consentStatus"]
    if word not in CONSENT_STATUS:
        _log.warning("consent_status_unknown", status=str(word)[:40])
    valid_until = answer.get("validUntil")
    return ConsentState(
        CONSENT_STATUS.get(word, ConsentStatus.AWAITING_AUTHORISATION),
        date.fromisoformat(valid_until) if valid_until else date.max,
    )


def account(item: Mapping[str, Any]) -> AccountAtBank | None:
    """An account, None for one without an account number, such as a card, and for one that is not enabled."""
    number = item.get("bban") or item.get("iban")
    if not number or item.get("status", "enabled") != "enabled":
        return None
    name = item.get("displayName") or item.get("name") or item.get("product") or number
    return AccountAtBank(
        item["resourceId"], parse_account_number(number), item["currency"], name, item.get("ownerName") or ""
    )


def balances(items: Iterable[Mapping[str, Any]], now: datetime) -> list[Balance]:
    """The booked and the available balance. `now` dates a balance for which the bank gives no time."""
    by_type = {item["balanceType"]: item for item in items}
    return [
        Balance(kind, money(item["balanceAmount"]), _as_of(item, now))
        for kind, item in shown_balances(by_type, _BALANCES)
    ]


def transactions(document: Mapping[str, Any]) -> list[TransactionAtBank]:
    """All transactions, newest first; of one day the pending ones come before the booked ones."""
    generated, found = GeneratedReferences(), []
    for word, status in (("pending", TransactionStatus.PENDING), ("booked", TransactionStatus.BOOKED)):
        for item in document.get(word) or ():
            found.append(_transaction(item, status, generated))
    return sorted(found, key=lambda transaction: (transaction.booking_date, transaction.status), reverse=True)


def payment_status(
    transaction: str, sca: str | None, codes: Sequence[str], *, is_future: bool
) -> tuple[Status, Failure | None]:
    """The status of a payment, with the reason if it failed.

    `transaction` is the transaction status and `sca` that of the authorisation. A payment counts as approved only if
    the authorisation is done: banks send a positive transaction status before that. `is_future`: the execution date is
    later than today.
    """
    status = PAYMENT_STATUS.get(transaction, Status.AUTHORISATION_REQUIRED)
    if status in (Status.SETTLED, Status.CANCELLED):
        return status, None
    if status is Status.REJECTED or sca in SCA_FAILED:
        reason = next((_REASONS[code] for code in codes if code in _REASONS), None)
        refused = "AUTHORISATION_REFUSED" if sca in SCA_FAILED else ""
        failure = FAILURES.get(reason or refused)
        return end_of(failure), failure
    if sca not in SCA_DONE:
        return Status.AUTHORISATION_REQUIRED, None
    # The payment is approved: RCVD and PDNG now mean that the bank makes its own checks.
    return Status.SCHEDULED if is_future else Status.PROCESSING, None


def _transaction(
    item: Mapping[str, Any], status: TransactionStatus, generated: GeneratedReferences
) -> TransactionAtBank:
    amount = _signed(item)
    is_debit = amount.amount_minor < 0
    name, number = ("creditorName", "creditorAccount") if is_debit else ("debtorName", "debtorAccount")
    booked = item.get("bookingDate") or item.get("valueDate") or item["transactionDate"]
    other = item.get(number) or {}
    structured = item.get("remittanceInformationStructured")
    return TransactionAtBank(
        reference=_reference(item, amount, booked, generated),
        status=status,
        amount=amount,
        booking_date=date.fromisoformat(booked),
        counterparty_name=item.get(name),
        counterparty_account=other.get("bban") or other.get("iban"),
        message=_message(item),
        kid=structured.get("reference") if isinstance(structured, Mapping) else structured,
        end_to_end_id=item.get("endToEndId"),
    )


def _signed(item: Mapping[str, Any]) -> Money:
    """A minus is a debit. If a bank leaves it out, a named creditor means a debit (open_payments.md, Accounts)."""
    amount = money(item["transactionAmount"])
    names_payee = bool(item.get("creditorName") or item.get("creditorAccount"))
    names_payer = bool(item.get("debtorName") or item.get("debtorAccount"))
    if amount.amount_minor > 0 and names_payee and not names_payer:
        return Money(-amount.amount_minor, amount.currency)
    return amount


def _reference(item: Mapping[str, Any], amount: Money, booked: str, generated: GeneratedReferences) -> str:
    """The bank's reference, else one generated from day, amount and text."""
    reference = item.get("transactionId") or item.get("entryReference")
    if reference:
        return str(reference)[:100]
    return generated.reference(booked, amount.amount_minor, amount.currency, _message(item), item.get("endToEndId"))


def _message(item: Mapping[str, Any]) -> str | None:
    lines = item.get("remittanceInformationUnstructuredArray") or ()
    return item.get("remittanceInformationUnstructured") or " ".join(lines) or None


def _as_of(item: Mapping[str, Any], now: datetime) -> datetime:
    changed_at = item.get("lastChangeDateTime") or item.get("referenceDate")
    if not changed_at:
        return now
    at = datetime.fromisoformat(changed_at)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
