"""What may be concluded from a bank that has forgotten a payment."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.authorisation import SealedAuthorisation
from domain.forgotten_payment import Conclusion, conclusion, watched_until
from domain.payment import Sca, Status
from tests.domain.test_payment import payment

MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
WAIT, EXPIRED, IN_DOUBT = Conclusion.WAIT, Conclusion.EXPIRED, Conclusion.IN_DOUBT
AWAITED = Status.AUTHORISATION_REQUIRED


@pytest.mark.parametrize(
    ("status", "sca", "minutes", "expected"),
    [
        # The bank says that the payment has lapsed; minutes since it was made, and its link lives 60.
        (AWAITED, Sca.OPEN, 59, WAIT),
        (AWAITED, Sca.OPEN, 60, EXPIRED),
        (AWAITED, Sca.FAILED, 60, EXPIRED),
        (AWAITED, Sca.DONE, 60, IN_DOUBT),
        (AWAITED, None, 60, IN_DOUBT),
        (Status.CREATED, Sca.OPEN, 60, EXPIRED),
        (Status.CREATED, None, 60, IN_DOUBT),
        # Approved, as the bank has said before.
        (Status.PROCESSING, Sca.OPEN, 60, IN_DOUBT),
        (Status.PROCESSING, Sca.DONE, 60, IN_DOUBT),
        (Status.SCHEDULED, Sca.DONE, 60, IN_DOUBT),
    ],
)
def test_only_what_was_read_as_unapproved_has_expired(
    status: Status, sca: Sca | None, minutes: int, expected: Conclusion
) -> None:
    lapsed = replace(payment(), status=status, sca=sca, created_at=MADE, unknown_asks=1, unknown_since=MADE)

    assert conclusion(lapsed, MADE + timedelta(minutes=minutes), is_expired=True) is expected


@pytest.mark.parametrize(
    ("asks", "minutes", "expected"), [(1, 600, WAIT), (2, 600, WAIT), (3, 59, WAIT), (3, 60, EXPIRED), (9, 60, EXPIRED)]
)
def test_an_unknown_id_is_asked_for_three_times_over_an_hour(asks: int, minutes: int, expected: Conclusion) -> None:
    since = MADE + timedelta(hours=2)
    unknown = replace(payment(), status=AWAITED, sca=Sca.OPEN, created_at=MADE, unknown_asks=asks, unknown_since=since)

    assert conclusion(unknown, since + timedelta(minutes=minutes), is_expired=False) is expected


def test_the_banks_own_end_of_the_link_counts_where_it_gives_one() -> None:
    page = SealedAuthorisation("https://bank.example/", expires_at=MADE + timedelta(minutes=5))
    lapsed = replace(payment(), status=AWAITED, sca=Sca.OPEN, created_at=MADE, authorisation=page)

    assert conclusion(lapsed, MADE + timedelta(minutes=4), is_expired=True) is WAIT
    assert conclusion(lapsed, MADE + timedelta(minutes=5), is_expired=True) is EXPIRED


@pytest.mark.parametrize(
    ("day", "last"),
    [
        # Tuesday; over Christmas and New Year; a day on which banks are closed.
        (None, date(2026, 12, 8)),
        (date(2026, 12, 21), date(2027, 1, 6)),
        (date(2026, 12, 26), date(2027, 1, 11)),
    ],
)
def test_an_end_that_was_inferred_is_watched_for_ten_banking_days(day: date | None, last: date) -> None:
    assert watched_until(replace(payment(), created_at=MADE, scheduled_for=day)) == last
