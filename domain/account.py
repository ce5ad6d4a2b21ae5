"""The end of an account: what the law keeps, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# Bookkeeping Act (bokføringsloven) section 13 and Money Laundering Act (hvitvaskingsloven) section 30: five years.
KEPT_FOR: Final = timedelta(days=5 * 365 + 2)
NAME_OF_DELETED: Final = "Deleted user"


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays after an account is deleted."""

    what: str
    because: str
    until: datetime


def kept_after(deleted_at: datetime) -> list[Kept]:
    """Said to the user when they delete their account."""
    until = deleted_at + KEPT_FOR
    bookkeeping = "Bookkeeping Act (bokføringsloven), section 13"
    laundering = "Money Laundering Act (hvitvaskingsloven), section 30"
    return [
        Kept("Payments, refunds and invoices, with the account numbers that they name", bookkeeping, until),
        Kept("Who you are and how your identity was verified", laundering, until),
        Kept("The audit trail", laundering, until),
    ]
