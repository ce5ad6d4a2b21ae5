"""How a payment and its events lie in columns."""

from datetime import datetime
from typing import Final

from db.shapes import Shape, each, made, optional
from db.tables.payment import PaymentEventRow, PaymentRow
from domain.account_number import AccountNumber
from domain.authorisation import SealedAuthorisation
from domain.money import Money
from domain.payment import (
    CancellationStatus,
    Payment,
    PaymentCause,
    PaymentEvent,
    PaymentEventKind,
    Rail,
    Sca,
    Status,
    stored_failure,
)


def _authorisation_of(
    url: str | None, encrypted: bytes | None, expires_at: datetime | None
) -> SealedAuthorisation | None:
    return SealedAuthorisation(url, encrypted, expires_at) if url or encrypted else None


def columns_of(name: str, awaited: SealedAuthorisation | None) -> dict[str, object]:
    """The columns in which an approval is stored, all of them empty without one."""
    awaited = awaited or SealedAuthorisation()
    found = {"url": awaited.url, "encrypted": awaited.encrypted, "expires_at": awaited.expires_at}
    return {f"{name}_{column}": value for column, value in found.items()}


# `given` is told beside the row: the ledger sums up what was given back, in minor units.
PAYMENT: Final = Shape(
    Payment,
    PaymentRow,
    {
        **each("id", "user_id", "vendor", "creditor_name", "created_at", "debtor_account_id", "kid", "message"),
        **each("scheduled_for", "end_to_end_id", "vendor_payment_id", "client_secret", "in_doubt", "unknown_since"),
        **each("unknown_asks", "watched_until", "version", "returned_on", "overdue_since", "withdrawn_since"),
        "amount": made(Money, "amount_minor", "currency"),
        "creditor_account": made(AccountNumber, "creditor_iban", "creditor_bban"),
        "rail": made(Rail, "rail"),
        "status": made(Status, "status"),
        "failure": made(stored_failure, "failure_code", "failure_detail"),
        "authorisation": made(
            _authorisation_of, "authorisation_url", "authorisation_encrypted", "authorisation_expires_at"
        ),
        "cancellation_status": optional(CancellationStatus, "cancellation_status"),
        "cancellation_authorisation": made(
            _authorisation_of, "cancellation_url", "cancellation_encrypted", "cancellation_expires_at"
        ),
        "sca": optional(Sca, "sca"),
        "refunded_minor": made(lambda rail, given: given if rail == Rail.CARD else 0, "rail", "given"),
        "returned_minor": made(lambda rail, given: 0 if rail == Rail.CARD else given, "rail", "given"),
    },
)


def payment_of(row: PaymentRow, given: int) -> Payment:
    """The payment; `given` is what was given back of it, in minor units."""
    return PAYMENT.of(row, given=given)


PAYMENT_EVENT: Final = Shape(
    PaymentEvent,
    PaymentEventRow,
    {
        **each("payment_id", "version", "at"),
        "status": made(Status, "status"),
        "cause": made(PaymentCause, "cause"),
        "failure": made(stored_failure, "failure_code", "failure_detail"),
        "kind": made(PaymentEventKind, "kind"),
    },
)
