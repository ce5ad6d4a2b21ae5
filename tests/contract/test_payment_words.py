"""What the banks' status words mean, held against the lists of NextGenPSD2 and of Enable Banking."""

from datetime import date

import pytest

from domain.payment import Status
from providers.open_banking import enable_banking_objects, nextgenpsd2
from providers.open_banking.enable_banking_objects import PaymentAtVendor
from providers.open_banking.status import NOT_TAKEN

TODAY = date(2026, 11, 24)
AWAITED, PROCESSING, SETTLED = Status.AUTHORISATION_REQUIRED, Status.PROCESSING, Status.SETTLED


@pytest.mark.parametrize(
    ("word", "before", "after"),
    [
        # The transaction status, and ours with an SCA status before `finalised` and with that.
        ("RCVD", AWAITED, PROCESSING),
        ("PDNG", AWAITED, PROCESSING),
        ("PATC", AWAITED, PROCESSING),
        ("ACTC", AWAITED, PROCESSING),
        ("ACCP", AWAITED, PROCESSING),
        ("ACFC", AWAITED, PROCESSING),
        ("ACWC", AWAITED, PROCESSING),
        ("ACWP", AWAITED, PROCESSING),
        ("ACSP", AWAITED, PROCESSING),
        ("ACSC", SETTLED, SETTLED),
        ("ACCC", SETTLED, SETTLED),
        ("RJCT", Status.REJECTED, Status.REJECTED),
        ("CANC", Status.CANCELLED, Status.CANCELLED),
        # Of a batch alone, newer than our list, or no word at all.
        ("PART", None, None),
        ("BLCK", None, None),
        ("acsc", None, None),
        ("", None, None),
        ("None", None, None),
    ],
)
def test_a_transaction_status_counts_with_its_approval(word: str, before: Status | None, after: Status | None) -> None:
    for sca, status in (("received", before), ("finalised", after), ("exempted", after), (None, before)):
        given, failure = nextgenpsd2.payment_status(word, sca, ("UNKNOWN_CODE",), is_future=False)
        assert given is status
        assert failure == (NOT_TAKEN if status is Status.REJECTED else None)
    if before is None:
        assert nextgenpsd2.payment_status(word, "failed", (), is_future=False) == (None, None)


@pytest.mark.parametrize(
    ("word", "goes_on", "last"),
    [
        # The status at Enable Banking, and ours while more reports come and with the last one.
        ("RCVD", AWAITED, PROCESSING),
        ("PDNG", AWAITED, PROCESSING),
        ("PATC", PROCESSING, PROCESSING),
        ("ACTC", PROCESSING, PROCESSING),
        ("ACSP", PROCESSING, PROCESSING),
        ("ACWC", PROCESSING, SETTLED),
        ("ACSC", SETTLED, SETTLED),
        ("RJCT", Status.REJECTED, Status.REJECTED),
        ("CNCL", Status.CANCELLED, Status.CANCELLED),
        ("PART", None, PROCESSING),
        ("ACPT", None, PROCESSING),
        ("NULL", None, PROCESSING),
    ],
)
def test_after_the_last_report_the_statement_decides(word: str, goes_on: Status | None, last: Status) -> None:
    for is_final, status in ((False, goes_on), (True, last)):
        payment = PaymentAtVendor(word, is_final, None, None)
        # A bank whose payments have gone well with ACWC.
        given, failure = enable_banking_objects.payment_status(payment, frozenset({"ACWC"}), TODAY)
        assert given is status
        # A no without a reason that is known is the bank's no all the same.
        assert failure == (NOT_TAKEN if status is Status.REJECTED else None)


def test_a_payment_of_a_later_day_is_scheduled_with_its_last_report_too() -> None:
    payment = PaymentAtVendor("ACTC", True, None, date(2026, 11, 30))

    assert enable_banking_objects.payment_status(payment, frozenset(), TODAY)[0] is Status.SCHEDULED
