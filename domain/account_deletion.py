"""What stays of a user after the account is deleted: the records that the law wants kept, and for how long."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.retention import end_of_year, years_after

DELETED_USER_NAME: Final = "Deleted user"


class KeptRecords(StrEnum):
    """Which records of a deleted user stay."""

    PAYMENTS = "PAYMENTS"
    IDENTITY = "IDENTITY"
    AUDIT_TRAIL = "AUDIT_TRAIL"
    CONSENTS = "CONSENTS"


class KeepingLaw(StrEnum):
    """The act and section by which they stay."""

    BOOKKEEPING = "BOOKKEEPING"
    MONEY_LAUNDERING = "MONEY_LAUNDERING"
    PAYMENT_SERVICES = "PAYMENT_SERVICES"


@dataclass(frozen=True, slots=True)
class RetainedData:
    """Records of a deleted user that the law wants kept, which law, and until when."""

    records: KeptRecords
    law: KeepingLaw
    until: datetime


def retained_after(deleted_at: datetime, years: int) -> list[RetainedData]:
    """The list that the user is shown on deleting the account. `years` is how long the laws' records are kept."""
    until = years_after(deleted_at, years)
    # Invoices are accounting material, which is kept from the end of its year on.
    invoices_until = years_after(end_of_year(deleted_at), years)
    return [
        RetainedData(KeptRecords.PAYMENTS, KeepingLaw.BOOKKEEPING, invoices_until),
        RetainedData(KeptRecords.IDENTITY, KeepingLaw.MONEY_LAUNDERING, until),
        RetainedData(KeptRecords.AUDIT_TRAIL, KeepingLaw.MONEY_LAUNDERING, until),
        RetainedData(KeptRecords.CONSENTS, KeepingLaw.PAYMENT_SERVICES, until),
    ]
