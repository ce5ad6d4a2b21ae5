"""What stays of a user after the account is deleted: the records that the law wants kept, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# Bookkeeping Act (bokføringsloven) section 13 and Money Laundering Act (hvitvaskingsloven) section 30: five years.
RETENTION: Final = timedelta(days=5 * 365 + 2)
DELETED_USER_NAME: Final = "Deleted user"


@dataclass(frozen=True, slots=True)
class RetainedData:
    """Records of a deleted user that the law wants kept, which law, and until when. All but `until` is for people."""

    what: str
    because: str
    until: datetime


def retained_after(deleted_at: datetime) -> list[RetainedData]:
    """The list that the user is shown on deleting the account."""
    until = deleted_at + RETENTION
    bookkeeping = "Bookkeeping Act (bokføringsloven), section 13"
    laundering = "Money Laundering Act (hvitvaskingsloven), section 30"
    return [
        RetainedData("Payments, refunds and invoices, with the account numbers that they name", bookkeeping, until),
        RetainedData("Who you are and how your identity was verified", laundering, until),
        RetainedData("The audit trail", laundering, until),
    ]
