"""NextGenPSD2 objects as Drop's values, for aggregators and banks alike. Source: docs/vendors/nextgenpsd2.md."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from domain.account_number import AccountNumber
from domain.bank_account import BalanceType, TransactionStatus
from domain.money import Money
from domain.payment import Failure, Status
from domain.statement import ItemKind, StatementLine
from providers.calling.json_parts import as_list, text, within
from providers.calling.status_words import status_of
from providers.calling.vendor_http import Answer
from providers.open_banking.port import AccountAtBank, ConsentState
from providers.open_banking.readings import (
    BalanceAtBank,
    Words,
    currency_of,
    each,
    end_to_end_id,
    entry_reference,
    first_day,
    first_number,
    has_message_instead,
    is_own,
    items_of,
    money,
    texts,
    time_of,
    valid_until,
)
from providers.open_banking.refusals import refusal_of
from providers.open_banking.statement_pages import StatementPage
from providers.open_banking.status import (
    CONSENT_STATUS,
    FAILURES,
    PAYMENT_STATUS,
    SCA_DONE,
    SCA_FAILED,
    end_of,
)

BALANCES: Final[Words] = {
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
_PENDING: Final = TransactionStatus.PENDING
_BOOKED: Final = TransactionStatus.BOOKED


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
    link = within(document, "_links", name)
    href = link.get("href") if isinstance(link, Mapping) else link
    return str(href) if href else None


def query_of(link: str | None) -> str | None:
    """The query of a link, None without one. Its host is ignored, so that a bank cannot send us elsewhere."""
    try:
        found = urlsplit(link or "").query
        return found if parse_qs(found) else None
    except ValueError:
        return None


def consent_state(answer: Mapping[str, Any]) -> ConsentState:
    """The state of a consent. Without an end date the bank has not shortened the consent: `date.max`."""
    status = status_of(CONSENT_STATUS, answer["consentStatus"], of="consent")
    return ConsentState(status, valid_until(answer.get("validUntil")))


def account(item: Mapping[str, Any]) -> AccountAtBank | None:
    """An account, None for one without an account number, such as a card, and for one that is not enabled."""
    if (item.get("status") or "enabled") != "enabled":
        return None
    number = first_number(item.get("iban"), item.get("bban"))
    if number is None:
        return None
    name = text(item.get("displayName")) or text(item.get("name")) or text(item.get("product"))
    return AccountAtBank(
        _resource_of(item) or number.iban,
        number,
        currency_of(item["currency"]),
        name or number.bban or number.iban,
        text(item.get("ownerName")) or "",
    )


def balance(item: Mapping[str, Any]) -> BalanceAtBank:
    """A balance of any type."""
    return BalanceAtBank(
        str(item["balanceType"]),
        money(item["balanceAmount"]),
        time_of(item.get("lastChangeDateTime"), item.get("referenceDate")),
        item.get("creditLimitIncluded") is True,
    )


def transactions(answer: Answer, own: AccountNumber) -> StatementPage:
    """A page of the statement of the account with the number `own`.

    Raises KeyError or TypeError where the answer is no statement at all.
    """
    if not items_of(answer, "transactions"):
        return StatementPage([], [], None, is_broken=has_message_instead(answer, "transactions"))
    document = answer.document["transactions"]
    pending = each(
        ItemKind.TRANSACTION, as_list(document.get("pending")), lambda item: _transaction(item, _PENDING, own)
    )
    booked = each(ItemKind.TRANSACTION, as_list(document.get("booked")), lambda item: _transaction(item, _BOOKED, own))
    has_more = bool(within(document, "_links", "next") or within(answer.document, "_links", "next"))
    following = query_of(link_of(document, "next") or link_of(answer.document, "next"))
    return StatementPage(
        [*pending.found, *booked.found],
        [*pending.put_aside, *booked.put_aside],
        following,
        is_broken=has_more and following is None,
    )


def payment_status(
    transaction: str, sca: str | None, codes: Sequence[str], *, is_future: bool
) -> tuple[Status | None, Failure | None]:
    """The status of a payment, with the reason if it failed; None for a transaction status that is not known.

    `transaction` is the transaction status and `sca` that of the authorisation. A payment counts as approved only if
    the authorisation is done: banks send a positive transaction status before that. `is_future`: the execution date is
    later than today.
    """
    status = status_of(PAYMENT_STATUS, transaction, of="bank payment")
    if status in (None, Status.SETTLED, Status.CANCELLED):
        return status, None
    if status is Status.REJECTED or sca in SCA_FAILED:
        reason = next((_REASONS[code] for code in codes if code in _REASONS), None)
        refused = "AUTHORISATION_REFUSED" if sca in SCA_FAILED else ""
        failure = FAILURES.get(reason or refused) or refusal_of(codes)
        return end_of(failure), failure
    if sca not in SCA_DONE:
        return Status.AUTHORISATION_REQUIRED, None
    # The payment is approved: RCVD and PDNG now mean that the bank makes its own checks.
    return Status.SCHEDULED if is_future else Status.PROCESSING, None


def is_inferred(transaction: str, sca: str | None) -> bool:
    """Whether the end that `payment_status` gives follows from the failed approval alone."""
    told = PAYMENT_STATUS.get(transaction)
    return sca in SCA_FAILED and told is not None and not told.is_final


def _resource_of(item: Mapping[str, Any]) -> str | None:
    """The bank's id of the account, which may stand in the links alone (nextgenpsd2.md, Accounts)."""
    given = text(item.get("resourceId"))
    if given is not None:
        return given
    for name in ("balances", "transactions", "self", "account"):
        _, _, rest = urlsplit(link_of(item, name) or "").path.partition("/accounts/")
        if rest:
            return unquote(rest.partition("/")[0])
    return None


def _transaction(item: Mapping[str, Any], status: TransactionStatus, own: AccountNumber) -> StatementLine:
    amount = _signed(item, own)
    other = "creditor" if amount.amount_minor < 0 else "debtor"
    account = f"{other}Account"
    structured = item.get("remittanceInformationStructured")
    return StatementLine(
        transaction_id=text(item.get("transactionId")),
        entry_reference=entry_reference(item.get("entryReference")),
        status=status,
        amount=amount,
        booking_date=first_day(item, "bookingDate", "valueDate", "transactionDate"),
        counterparty_name=text(item.get(f"{other}Name")),
        counterparty_account=text(within(item, account, "bban")) or text(within(item, account, "iban")),
        message=text(item.get("remittanceInformationUnstructured"))
        or texts(item.get("remittanceInformationUnstructuredArray")),
        kid=text(within(item, "remittanceInformationStructured", "reference")) or text(structured),
        end_to_end_id=end_to_end_id(item.get("endToEndId")),
        value_date=first_day(item, "valueDate"),
    )


def _signed(item: Mapping[str, Any], own: AccountNumber) -> Money:
    """A minus is a debit. Where a bank leaves it out, its indicator decides, then whose number it is, then the names.

    Our own number on the creditor's side is money in, on the debtor's side money out. A named creditor alone means a
    debit (open_payments.md, Accounts).
    """
    amount = money(item["transactionAmount"])
    if amount.amount_minor > 0 and _is_debit(item, own):
        return Money(-amount.amount_minor, amount.currency)
    return amount


def _is_debit(item: Mapping[str, Any], own: AccountNumber) -> bool:
    indicator = text(item.get("creditDebitIndicator"))
    if indicator in ("DBIT", "CRDT"):
        return indicator == "DBIT"
    is_payee, is_payer = (
        is_own(own, within(item, side, "bban"), within(item, side, "iban"))
        for side in ("creditorAccount", "debtorAccount")
    )
    if is_payee != is_payer:
        return is_payer
    names_payee = bool(item.get("creditorName") or item.get("creditorAccount"))
    names_payer = bool(item.get("debtorName") or item.get("debtorAccount"))
    return names_payee and not names_payer
