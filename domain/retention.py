"""How long records are kept, and by which law."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.clock import OSLO

# The shortest time that any of the laws below allows for the records that it names.
LEGAL_YEARS: Final = 5


class Law(StrEnum):
    """Why a record must be kept. The values are named in docs/retention.md."""

    MONEY_LAUNDERING = "hvitvaskingsloven § 30"
    BOOKKEEPING = "bokføringsloven § 13"
    PAYMENT_SERVICES = "PSD2 art. 21 and 72"


@dataclass(frozen=True, slots=True)
class Lengths:
    """What settings say of how long rows are kept."""

    legal_years: int
    unused_documents_days: int


@dataclass(frozen=True, slots=True)
class ForDays:
    """Kept for so many days, as no law asks for more."""

    days: int

    def cutoff(self, now: datetime, lengths: Lengths) -> datetime:
        """What is older than this is past its time."""
        return now - timedelta(days=self.days)

    def __str__(self) -> str:
        return "a day" if self.days == 1 else f"{self.days} days"


@dataclass(frozen=True, slots=True)
class ByLaw:
    """Kept for the years that the laws want."""

    laws: tuple[Law, ...]

    def cutoff(self, now: datetime, lengths: Lengths) -> datetime:
        """What is older than this is past its time. Accounting material is kept from the end of its year on."""
        return years_before(start_of_year(now) if Law.BOOKKEEPING in self.laws else now, lengths.legal_years)

    def __str__(self) -> str:
        since = " after the end of the year" if Law.BOOKKEEPING in self.laws else ""
        return f"{LEGAL_YEARS} years{since}"


@dataclass(frozen=True, slots=True)
class WhileUsed:
    """Kept until no client has sent it for the days that a setting says."""

    setting: str
    # A use is noted somewhat later than it happens.
    noted_within: timedelta

    def cutoff(self, now: datetime, lengths: Lengths) -> datetime:
        """What was last used before this is past its time."""
        return now - timedelta(days=lengths.unused_documents_days) - self.noted_within

    def __str__(self) -> str:
        return f"the days of `{self.setting}`"


def years_after(at: datetime, years: int) -> datetime:
    """The same day so many years later; 1 March where that year has no 29 February."""
    try:
        return at.replace(year=at.year + years)
    except ValueError:
        return at.replace(year=at.year + years, month=3, day=1)


def years_before(at: datetime, years: int) -> datetime:
    """The same day so many years before; 28 February where that year has no 29 February."""
    try:
        return at.replace(year=at.year - years)
    except ValueError:
        return at.replace(year=at.year - years, day=28)


def start_of_month(at: datetime) -> datetime:
    """When the month of this moment began in Oslo."""
    local = at.astimezone(OSLO)
    return datetime(local.year, local.month, 1, tzinfo=OSLO)


def start_of_year(at: datetime) -> datetime:
    """When the year of this moment began in Oslo."""
    return datetime(at.astimezone(OSLO).year, 1, 1, tzinfo=OSLO)


def end_of_year(at: datetime) -> datetime:
    """When the year of this moment ends in Oslo."""
    return datetime(at.astimezone(OSLO).year + 1, 1, 1, tzinfo=OSLO)
