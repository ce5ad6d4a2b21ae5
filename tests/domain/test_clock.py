from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from domain.clock import date_of, oslo_date, text_of, time_of


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 24, 22, 59, 59, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 23, 0, tzinfo=UTC), date(2026, 11, 25)),
        (datetime(2026, 6, 24, 21, 59, 59, tzinfo=UTC), date(2026, 6, 24)),
        (datetime(2026, 6, 24, 22, 0, tzinfo=UTC), date(2026, 6, 25)),
    ],
)
def test_a_day_begins_at_midnight_in_oslo_in_winter_and_in_summer(moment: datetime, day: date) -> None:
    assert oslo_date(moment) == day


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "2026-11-24T12:00:00.000Z"),
        (datetime(2026, 11, 24, 12, 0, 0, 123_999, tzinfo=UTC), "2026-11-24T12:00:00.123Z"),
        (datetime(2026, 11, 24, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2026-11-23T23:00:00.000Z"),
    ],
)
def test_a_moment_is_told_in_utc_with_three_fractional_digits(moment: datetime, text: str) -> None:
    assert text_of(moment) == text
    assert text_of(time_of(text) or moment) == text


@pytest.mark.parametrize(
    "text", ["2026-11-24T12:00:00Z", "2026-11-24T13:00:00.000+01:00", "2026-11-24T07:00:00.000000000-05:00"]
)
def test_a_moment_is_taken_with_any_offset(text: str) -> None:
    assert time_of(text) == datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T12:00:00",
        "2026-11-24 12:00:00Z",
        "2026-11-24",
        "20261124T120000Z",
        "2026-W48-2T12:00:00Z",
        "2026-13-24T12:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "now",
    ],
)
def test_a_moment_is_not_guessed(text: str) -> None:
    assert time_of(text) is None


def test_a_day_has_one_form_and_exists() -> None:
    assert date_of("2026-11-24") == date(2026, 11, 24)
    assert [date_of(text) for text in ("2026-W49-1", "20261127", "2026-02-30", "2026-331", "27.11.2026")] == [None] * 5
