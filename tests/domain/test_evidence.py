from datetime import UTC, date, datetime

import pytest

from domain.account_number import AccountNumber
from domain.evidence import LastReading, Waiting, last_day, waits_for
from domain.ids import AccountId, PaymentId, UserId
from domain.money import Money
from domain.payment import Payment

PAYEE = AccountNumber("NO9386011117947", "86011117947")
WEDNESDAY = datetime(2026, 11, 25, 12, tzinfo=UTC)


def payment(at: datetime = WEDNESDAY, on: date | None = None, currency: str = "NOK") -> Payment:
    amount = Money(12_500, currency)
    return Payment(PaymentId("p"), UserId("u"), "v", amount, "Kari", PAYEE, at, AccountId("a"), scheduled_for=on)


@pytest.mark.parametrize(
    ("given", "day"),
    [
        (payment(), date(2026, 11, 26)),
        # Friday: carried out then, and Monday is the next banking day.
        (payment(datetime(2026, 11, 27, 12, tzinfo=UTC)), date(2026, 11, 30)),
        # Saturday: carried out on Monday.
        (payment(datetime(2026, 11, 28, 12, tzinfo=UTC)), date(2026, 12, 1)),
        # Ten to midnight in Oslo: it may be approved on the next day.
        (payment(datetime(2026, 11, 25, 22, 50, tzinfo=UTC)), date(2026, 11, 27)),
        (payment(on=date(2026, 12, 24)), date(2026, 12, 28)),
        # Good Friday is a day off in both calendars, Maundy Thursday in Norway alone.
        (payment(on=date(2027, 3, 24)), date(2027, 3, 30)),
        (payment(on=date(2027, 3, 24), currency="EUR"), date(2027, 3, 25)),
    ],
)
def test_the_bank_has_a_banking_day_more(given: Payment, day: date) -> None:
    assert last_day(given) == day


def reading(began: datetime, since: date = date(2026, 9, 1), *, is_complete: bool = True) -> LastReading:
    return LastReading(began, since, is_complete)


LATE = datetime(2026, 11, 27, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("today", "last", "like", "gives_ids", "expected"),
    [
        (date(2026, 11, 27), reading(LATE), False, True, None),
        (date(2026, 11, 26), reading(LATE), False, True, Waiting.BANKING_DAY),
        (date(2026, 11, 27), None, False, True, Waiting.READING),
        (date(2026, 11, 27), reading(LATE, is_complete=False), False, True, Waiting.READING),
        (date(2026, 11, 28), reading(datetime(2026, 11, 26, 22, 59, tzinfo=UTC)), False, True, Waiting.READING),
        (date(2026, 11, 28), reading(datetime(2026, 11, 26, 23, 0, tzinfo=UTC)), False, True, None),
        (date(2026, 11, 27), reading(LATE, date(2026, 11, 25)), False, True, Waiting.READING),
        (date(2026, 11, 27), reading(LATE, date(2026, 11, 24)), False, True, None),
        (date(2026, 11, 27), reading(LATE), True, True, Waiting.LIKE_DEBIT),
        (date(2026, 11, 27), reading(LATE), True, False, Waiting.LIKE_DEBIT),
        (date(2026, 11, 27), reading(LATE), False, False, Waiting.NO_IDS),
    ],
)
def test_absence_proves_something_only_after_a_late_and_complete_reading_where_ids_come_back(
    today: date, last: LastReading | None, like: bool, gives_ids: bool, expected: Waiting | None
) -> None:
    found = waits_for(payment(), last, text_version=1, has_like_debit=like, gives_ids=gives_ids, today=today)
    assert found is expected


@pytest.mark.parametrize(("version", "expected"), [(None, Waiting.CONSENT), (0, Waiting.CONSENT_TEXT), (1, None)])
def test_absence_proves_nothing_without_an_active_consent_whose_text_names_this_use(
    version: int | None, expected: Waiting | None
) -> None:
    found = waits_for(
        payment(),
        reading(LATE),
        text_version=version,
        has_like_debit=False,
        gives_ids=True,
        today=date(2026, 11, 27),
    )
    assert found is expected
