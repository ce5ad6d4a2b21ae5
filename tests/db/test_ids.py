"""New identifiers."""

from datetime import UTC, datetime, timedelta

from db.ids import new_id, since_id

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_ids_sort_as_they_were_made_also_within_a_moment() -> None:
    made = []
    for _ in range(200):
        made.append(new_id("pay", NOON))
        new_id("ses", NOON + timedelta(hours=1))  # by another clock
    made.append(new_id("pay", NOON + timedelta(milliseconds=1)))

    assert made == sorted(set(made))
    assert all(one > since_id("pay", NOON) for one in made)


def test_a_clock_that_was_put_back_gives_ids_of_its_time() -> None:
    later = new_id("pay", NOON + timedelta(days=1))

    assert new_id("pay", NOON) < since_id("pay", NOON + timedelta(milliseconds=1)) < later
