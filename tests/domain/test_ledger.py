from datetime import UTC, datetime

import pytest

from domain.ids import PaymentId
from domain.ledger import EntryKind, LedgerEntry, is_made_good, standing
from domain.money import Money

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def entry(kind: EntryKind, line: str = "trx_1", minor: int = 100) -> LedgerEntry:
    return LedgerEntry(kind, Money(minor, "NOK"), "v", line, NOON, PaymentId("pay_1"))


BOOKED, NO_BOOKING = entry(EntryKind.BOOKED), entry(EntryKind.BOOKING_WITHDRAWN)
BACK, NOT_BACK = entry(EntryKind.RETURNED, "trx_2", 60), entry(EntryKind.RETURN_WITHDRAWN, "trx_2", 60)
BOOKED_AGAIN, BACK_AGAIN = entry(EntryKind.BOOKED, "trx_3"), entry(EntryKind.RETURNED, "trx_4", 60)


def test_what_the_bank_has_taken_back_does_not_stand() -> None:
    assert standing([BOOKED, BACK]) == [BOOKED, BACK]
    assert standing([BOOKED, BACK, NOT_BACK]) == [BOOKED]
    assert standing([BOOKED, NO_BOOKING, BOOKED_AGAIN, BACK]) == [BOOKED_AGAIN, BACK]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([BOOKED, BACK], True),
        ([BOOKED, NO_BOOKING], False),
        ([BOOKED, NO_BOOKING, BOOKED_AGAIN], True),
        ([BOOKED, NO_BOOKING, BACK, NOT_BACK, BOOKED_AGAIN], False),
        ([BOOKED, NO_BOOKING, BACK, NOT_BACK, BACK_AGAIN], False),
        ([BOOKED, NO_BOOKING, BACK, NOT_BACK, BOOKED_AGAIN, BACK_AGAIN], True),
        # The bank settled it by its own word and never listed the debit.
        ([BACK, NOT_BACK], False),
        ([BACK, NOT_BACK, BACK_AGAIN], True),
    ],
)
def test_lines_that_come_in_the_place_of_others_make_them_good(entries: list[LedgerEntry], expected: bool) -> None:
    assert is_made_good(entries) is expected
