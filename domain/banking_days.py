"""Days on which banks carry payments out: those of Norges Bank for NOK, of TARGET for EUR."""

from collections.abc import Container
from datetime import date, timedelta
from functools import cache
from typing import Final

_SATURDAY: Final = 5


def is_banking_day(day: date, currency: str) -> bool:
    """Whether banks settle payments in the currency on this day of Oslo: no weekend and no bank holiday.

    Norges Bank's settlement system and the ECB's TARGET are closed on different days; other currencies follow Norway.
    """
    return day.weekday() < _SATURDAY and day not in _closed(currency)


def banking_day_from(day: date, currency: str) -> date:
    """The day itself where it is a banking day, else the next one."""
    while not is_banking_day(day, currency):
        day += timedelta(days=1)
    return day


def banking_day_after(day: date, count: int, currency: str) -> date:
    """The banking day that comes so many banking days after a day, which need not be one itself."""
    for _ in range(count):
        day = banking_day_from(day + timedelta(days=1), currency)
    return day


@cache
def _closed(currency: str) -> Container[date]:
    # Here, since it imports the calendars of all countries, which would be a tenth of every start.
    from holidays import country_holidays, financial_holidays

    return financial_holidays("XECB") if currency == "EUR" else country_holidays("NO")
