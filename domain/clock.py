"""The only source of the time for the product, and the form in which answers give it."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Clock(Protocol):
    """Tells the time of the product: rules, due times, signature timestamps and the mock vendors."""

    def now(self) -> datetime:
        """The product's present moment, as an aware UTC time. In mock mode it may be ahead of the machine's."""


def oslo_date(at: datetime) -> date:
    """The date in Oslo at a moment: banks count consents' `validUntil` and a day's unattended reads by it."""
    return at.astimezone(OSLO).date()


def text_of(at: datetime) -> str:
    """A moment as every answer gives it: RFC 3339 in UTC, three fractional digits and `Z`. `at` is aware."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def time_of(text: str) -> datetime | None:
    """The moment of a text by RFC 3339, in UTC. None for anything else, such as a text without an offset."""
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text).astimezone(UTC) if _RFC_3339.fullmatch(text) else None
    return None


def date_of(text: str) -> date | None:
    """The day of `YYYY-MM-DD`. None for anything else: a day that does not exist, or another form of ISO 8601."""
    with suppress(ValueError):
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    return None
