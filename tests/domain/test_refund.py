"""Refunds: whatever is asked for and whatever comes of it, no more is given back than was paid."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account_number import AccountNumber
from domain.dispute import Dispute, DisputeStatus
from domain.errors import InvalidInput, InvalidState
from domain.ids import DisputeId, PaymentId, RefundId, UserId
from domain.money import Money
from domain.payment import Payment, Rail, Status
from domain.refund import (
    COUNTED,
    PaymentRefundStatus,
    Refund,
    RefundFailureCode,
    RefundStatus,
    refund_status,
    refundable,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAID = 10_000


def payment(status: Status = Status.SETTLED, rail: Rail = Rail.CARD, refunded_minor: int = 0) -> Payment:
    return Payment(
        id=PaymentId("pay_1"),
        user_id=UserId("usr_1"),
        vendor="mock",
        amount=Money(PAID),
        creditor_name="Drop AS",
        creditor_account=AccountNumber("NO9386011117947", "86011117947"),
        created_at=NOON,
        rail=rail,
        status=status,
        refunded_minor=refunded_minor,
    )


def refund(number: int, amount_minor: int, status: RefundStatus = RefundStatus.PENDING) -> Refund:
    return Refund(RefundId(f"ref_{number}"), PaymentId("pay_1"), Money(amount_minor), NOON, NOON, status)


def dispute(status: DisputeStatus) -> Dispute:
    return Dispute(DisputeId("dsp_1"), PaymentId("pay_1"), "dp_1", status, Money(PAID), "fraudulent", None, NOON)


@given(
    wishes=st.lists(st.one_of(st.none(), st.integers(-10, PAID + 10)), max_size=20),
    ends=st.lists(st.sampled_from(RefundStatus), min_size=20, max_size=20),
)
def test_what_is_given_back_never_exceeds_what_was_paid(wishes: list[int | None], ends: list[RefundStatus]) -> None:
    made: list[Refund] = []
    paid = payment()
    for number, (wish, end) in enumerate(zip(wishes, ends, strict=False)):
        try:
            amount = refundable(paid, [], Money(wish) if wish is not None else None)
        except (InvalidInput, InvalidState):
            continue
        made.append(refund(number, amount.amount_minor).apply(end, f"re_{number}", None, NOON))

        paid = payment(refunded_minor=sum(one.amount.amount_minor for one in made if one.status in COUNTED))
        assert 0 <= paid.refunded_minor <= PAID
        expected = {0: PaymentRefundStatus.NONE, PAID: PaymentRefundStatus.FULL}
        assert refund_status(paid) is expected.get(paid.refunded_minor, PaymentRefundStatus.PARTIAL)


@given(st.lists(st.sampled_from(RefundStatus), max_size=10))
def test_late_or_repeated_updates_move_nothing_backwards(updates: list[RefundStatus]) -> None:
    order = [RefundStatus.PENDING, RefundStatus.SUCCEEDED, RefundStatus.FAILED]
    seen = [RefundStatus.PENDING]
    one = refund(1, 100)
    for status in updates:
        one = one.apply(status, "re_1", None, NOON)
        seen.append(one.status)

    assert [order.index(status) for status in seen] == sorted(order.index(status) for status in seen)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SETTLED])
def test_only_what_is_settled_is_refunded(status: Status) -> None:
    with pytest.raises(InvalidState):
        refundable(payment(status), [], None)


def test_a_bank_payment_is_not_refunded() -> None:
    with pytest.raises(InvalidState):
        refundable(payment(rail=Rail.BANK), [], None)


@pytest.mark.parametrize(
    ("status", "is_refused"),
    [
        (DisputeStatus.NEEDS_RESPONSE, True),
        (DisputeStatus.UNDER_REVIEW, True),
        (DisputeStatus.WON, False),
        (DisputeStatus.LOST, False),
    ],
)
def test_an_open_dispute_decides_about_the_money(status: DisputeStatus, is_refused: bool) -> None:
    if is_refused:
        with pytest.raises(InvalidState):
            refundable(payment(), [dispute(DisputeStatus.LOST), dispute(status)], None)
    else:
        assert refundable(payment(), [dispute(status)], None) == Money(PAID)


def test_another_currency_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        refundable(payment(), [], Money(100, "EUR"))

    assert refused.value.field == ("input", "amount", "currency")


def test_an_older_refusal_does_not_lose_what_the_vendor_has() -> None:
    refused = Refund(RefundId("rfd_1"), PaymentId("pay_1"), Money(100), NOON, NOON).apply(
        RefundStatus.FAILED, None, RefundFailureCode.NOT_ACCEPTED, NOON
    )

    made = refused.apply(RefundStatus.SUCCEEDED, "re_1", None, NOON)

    assert (made.status, made.failure) == (RefundStatus.SUCCEEDED, None)
    assert made.apply(RefundStatus.FAILED, None, RefundFailureCode.NOT_ACCEPTED, NOON) is made
