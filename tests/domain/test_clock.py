from datetime import UTC, date, datetime

import pytest

from domain.clock import oslo_date


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
