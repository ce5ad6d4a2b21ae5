"""How a payment and its events lie in columns."""

from datetime import datetime

from db.tables.payment import PaymentEventRow, PaymentRow
from domain.account_number import AccountNumber
from domain.authorisation import SealedAuthorisation
from domain.ids import AccountId, PaymentId, UserId
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


def payment_of(row: PaymentRow, given: int) -> Payment:
    """The payment; `given` is what was given back of it, in minor units."""
    is_card = row.rail == Rail.CARD
    return Payment(
        id=PaymentId(row.id),
        user_id=UserId(row.user_id),
        vendor=row.vendor,
        amount=Money(row.amount_minor, row.currency),
        creditor_name=row.creditor_name,
        creditor_account=AccountNumber(row.creditor_iban, row.creditor_bban),
        created_at=row.created_at,
        debtor_account_id=AccountId(row.debtor_account_id) if row.debtor_account_id else None,
        rail=Rail(row.rail),
        status=Status(row.status),
        failure=stored_failure(row.failure_code, row.failure_detail),
        kid=row.kid,
        message=row.message,
        scheduled_for=row.scheduled_for,
        end_to_end_id=row.end_to_end_id,
        vendor_payment_id=row.vendor_payment_id,
        authorisation=_authorisation_of(
            row.authorisation_url, row.authorisation_encrypted, row.authorisation_expires_at
        ),
        client_secret=row.client_secret,
        cancellation_status=CancellationStatus(row.cancellation_status) if row.cancellation_status else None,
        cancellation_authorisation=_authorisation_of(
            row.cancellation_url, row.cancellation_encrypted, row.cancellation_expires_at
        ),
        in_doubt=row.in_doubt,
        sca=Sca(row.sca) if row.sca else None,
        unknown_since=row.unknown_since,
        unknown_asks=row.unknown_asks,
        watched_until=row.watched_until,
        version=row.version,
        refunded_minor=given if is_card else 0,
        returned_minor=0 if is_card else given,
        returned_on=row.returned_on,
        overdue_since=row.overdue_since,
        withdrawn_since=row.withdrawn_since,
    )


def event_of(row: PaymentEventRow) -> PaymentEvent:
    """A step of a payment's history."""
    return PaymentEvent(
        PaymentId(row.payment_id),
        row.version,
        Status(row.status),
        PaymentCause(row.cause),
        row.at,
        stored_failure(row.failure_code, row.failure_detail),
        PaymentEventKind(row.kind),
    )
