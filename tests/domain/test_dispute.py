from datetime import UTC, datetime

import pytest

from domain.dispute import Dispute, DisputeStatus
from domain.ids import DisputeId, PaymentId
from domain.money import Money

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        (DisputeStatus.NEEDS_RESPONSE, True),
        (DisputeStatus.UNDER_REVIEW, True),
        (DisputeStatus.WON, False),
        (DisputeStatus.LOST, False),
    ],
)
def test_a_dispute_is_open_until_the_bank_has_decided(status: DisputeStatus, is_open: bool) -> None:
    dispute = Dispute(DisputeId("dsp_1"), PaymentId("pay_1"), "dp_1", status, Money(100), "fraudulent", None, NOON)

    assert dispute.is_open is is_open
