"""The only source of the time for the product."""

from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")


class Clock(Protocol):
    """Tells the time of the product: rules, due times, signature timestamps and the mock vendors."""

    def now(self) -> datetime:
        """The product's present moment, as an aware UTC time. In mock mode it may be ahead of the machine's."""


def oslo_date(at: datetime) -> date:
    """The date in Oslo at a moment: banks count consents' `validUntil` and a day's unattended reads by it."""
    return at.astimezone(OSLO).date()
