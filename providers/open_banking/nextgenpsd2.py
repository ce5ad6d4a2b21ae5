"""NextGenPSD2 objects in our words, whoever hands them on. Source: vendor reference 4.2 to 4.6."""

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
from providers.open_banking.readings import Unnamed, Words, money, shown
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
# By tppMessages code (4.6), in the words of `status.FAILURES`.
_REASONS: Final = {
    "FUNDS_NOT_AVAILABLE": "FUNDS_NOT_AVAILABLE",
    "PAYMENT_FAILED": "EXECUTION_FAILED",
    "AUTHENTICATION_SESSION_EXPIRED": "AUTHORISATION_EXPIRED",
    "RESOURCE_EXPIRED": "AUTHORISATION_EXPIRED",
}
_log = structlog.get_logger()


def codes_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The error's codes, of either of its two forms (4.6)."""
    messages = answer.get("tppMessages")
    found = [one.get("code") for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else []
    return tuple(str(code) for code in (*found, answer.get("code")) if code)


def link_of(document: Mapping[str, Any], name: str) -> str | None:
    """An object with `href`, or as some send it the address itself."""
    link = (document.get("_links") or {}).get(name)
    href = link.get("href") if isinstance(link, Mapping) else link
    return str(href) if href else None


def consent_state(answer: Mapping[str, Any]) -> ConsentState:
    """A bank that does not say until when has not shortened it."""
    word = answer["consentStatus"]
    if word not in CONSENT_STATUS:
        _log.warning("consent_status_unknown", status=str(word)[:40])
    told = answer.get("validUntil")
    return ConsentState(
        CONSENT_STATUS.get(word, ConsentStatus.AWAITING_AUTHORISATION),
        date.fromisoformat(told) if told else date.max,
    )


def account(item: Mapping[str, Any]) -> AccountAtBank | None:
    """None for what is no account with a number, such as a card, or is not in use."""
    number = item.get("bban") or item.get("iban")
    if not number or item.get("status", "enabled") != "enabled":
        return None
    name = item.get("displayName") or item.get("name") or item.get("product") or number
    return AccountAtBank(
        item["resourceId"], parse_account_number(number), item["currency"], name, item.get("ownerName") or ""
    )


def balances(items: Iterable[Mapping[str, Any]], now: datetime) -> list[Balance]:
    """Booked and available; `now` is as of when, where the bank does not say it."""
    by_type = {item["balanceType"]: item for item in items}
    return [Balance(kind, money(item["balanceAmount"]), _as_of(item, now)) for kind, item in shown(by_type, _BALANCES)]


def transactions(document: Mapping[str, Any]) -> list[TransactionAtBank]:
    """Newest first, what waits before what is booked; one that occurs more than once gets an ordinal."""
    unnamed, found = Unnamed(), []
    for word, status in (("pending", TransactionStatus.PENDING), ("booked", TransactionStatus.BOOKED)):
        for item in document.get(word) or ():
            found.append(_transaction(item, status, unnamed))
    return sorted(found, key=lambda one: (one.booking_date, one.status), reverse=True)


def payment_status(
    transaction: str, sca: str | None, codes: Sequence[str], *, is_future: bool
) -> tuple[Status, Failure | None]:
    """Approved only where transaction and SCA agree; whatever the first says before the second is final is nothing."""
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
    # Approved; RCVD and PDNG then are the bank's own checks.
    return Status.SCHEDULED if is_future else Status.PROCESSING, None


def _transaction(item: Mapping[str, Any], status: TransactionStatus, unnamed: Unnamed) -> TransactionAtBank:
    amount = _signed(item)
    is_debit = amount.amount_minor < 0
    name, number = ("creditorName", "creditorAccount") if is_debit else ("debtorName", "debtorAccount")
    booked = item.get("bookingDate") or item.get("valueDate") or item["transactionDate"]
    other = item.get(number) or {}
    structured = item.get("remittanceInformationStructured")
    return TransactionAtBank(
        reference=_reference(item, amount, booked, unnamed),
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
    """A minus is a debit; some banks leave it out, so that who was paid tells (open banking reference A.4)."""
    amount = money(item["transactionAmount"])
    names_payee = bool(item.get("creditorName") or item.get("creditorAccount"))
    names_payer = bool(item.get("debtorName") or item.get("debtorAccount"))
    if amount.amount_minor > 0 and names_payee and not names_payer:
        return Money(-amount.amount_minor, amount.currency)
    return amount


def _reference(item: Mapping[str, Any], amount: Money, booked: str, unnamed: Unnamed) -> str:
    """Without one of the bank's: day, amount and text."""
    told = item.get("transactionId") or item.get("entryReference")
    if told:
        return str(told)[:100]
    return unnamed.reference(booked, amount.amount_minor, amount.currency, _message(item), item.get("endToEndId"))


def _message(item: Mapping[str, Any]) -> str | None:
    lines = item.get("remittanceInformationUnstructuredArray") or ()
    return item.get("remittanceInformationUnstructured") or " ".join(lines) or None


def _as_of(item: Mapping[str, Any], now: datetime) -> datetime:
    told = item.get("lastChangeDateTime") or item.get("referenceDate")
    if not told:
        return now
    at = datetime.fromisoformat(told)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
