"""The only source of the time for the product."""

from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")


class Clock(Protocol):
    """Tells the time of the product: rules, due times, signature timestamps and the mock vendors."""

    def now(self) -> datetime:
        """Aware UTC."""


def oslo_date(at: datetime) -> date:
    """The bank-local date of a moment: consents' `validUntil` and the day of the unattended reads."""
    return at.astimezone(OSLO).date()
