from datetime import date

import pytest

from domain.banking_days import banking_day_from, is_banking_day


@pytest.mark.parametrize(
    "day",
    [
        "2026-11-28",  # Saturday
        "2026-11-29",  # Sunday
        "2026-01-01",
        "2026-04-02",  # Maundy Thursday
        "2026-04-03",  # Good Friday
        "2026-04-06",  # Easter Monday
        "2026-05-01",
        "2027-05-17",
        "2026-05-14",  # Ascension
        "2026-05-25",  # Whit Monday
        "2026-12-25",
        "2028-12-26",
    ],
)
def test_norwegian_banks_are_closed(day: str) -> None:
    assert not is_banking_day(date.fromisoformat(day), "NOK")


def test_target_is_open_where_norway_is_closed() -> None:
    ascension = date(2026, 5, 14)

    assert is_banking_day(ascension, "EUR")
    assert not is_banking_day(ascension, "NOK")
    assert not is_banking_day(date(2026, 4, 3), "EUR")


def test_the_next_banking_day_is_the_day_itself_where_banks_are_open() -> None:
    assert banking_day_from(date(2026, 11, 27), "NOK") == date(2026, 11, 27)
    assert banking_day_from(date(2026, 12, 24), "NOK") == date(2026, 12, 24)
    assert banking_day_from(date(2026, 12, 25), "NOK") == date(2026, 12, 28)
