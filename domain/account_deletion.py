"""What stays of a user after the account is deleted: the records that the law wants kept, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# Bookkeeping Act (bokføringsloven) section 13 and Money Laundering Act (hvitvaskingsloven) section 30: five years.
RETENTION: Final = timedelta(days=5 * 365 + 2)
DELETED_USER_NAME: Final = "Deleted user"


class KeptRecords(StrEnum):
    """Which records of a deleted user stay."""

    PAYMENTS = "PAYMENTS"
    IDENTITY = "IDENTITY"
    AUDIT_TRAIL = "AUDIT_TRAIL"


class KeepingLaw(StrEnum):
    """The act and section by which they stay."""

    BOOKKEEPING = "BOOKKEEPING"
    MONEY_LAUNDERING = "MONEY_LAUNDERING"


@dataclass(frozen=True, slots=True)
class RetainedData:
    """Records of a deleted user that the law wants kept, which law, and until when."""

    records: KeptRecords
    law: KeepingLaw
    until: datetime


def retained_after(deleted_at: datetime) -> list[RetainedData]:
    """The list that the user is shown on deleting the account."""
    until = deleted_at + RETENTION
    return [
        RetainedData(KeptRecords.PAYMENTS, KeepingLaw.BOOKKEEPING, until),
        RetainedData(KeptRecords.IDENTITY, KeepingLaw.MONEY_LAUNDERING, until),
        RetainedData(KeptRecords.AUDIT_TRAIL, KeepingLaw.MONEY_LAUNDERING, until),
    ]
