from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.account_number import AccountNumber
from domain.errors import InvalidState, PaymentInDoubt
from domain.ids import AccountId, PaymentId, UserId
from domain.money import Money
from domain.payment import Failure, FailureCode, Payment, PaymentCause, PaymentEvent, Rail, Status, StatusUpdate

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FUNDS = Failure(FailureCode.INSUFFICIENT_FUNDS)


def payment(status: Status = Status.CREATED, *, in_doubt: bool = False) -> Payment:
    return Payment(
        id=PaymentId("pay_1"),
        user_id=UserId("usr_1"),
        vendor="mock",
        amount=Money(100),
        creditor_name="Ola",
        creditor_account=AccountNumber("NO9386011117947", "86011117947"),
        debtor_account_id=AccountId("acc_1"),
        created_at=NOON,
        status=status,
        in_doubt=in_doubt,
    )


def update(status: Status, failure: Failure | None = None) -> StatusUpdate:
    return StatusUpdate(status, PaymentCause.WEBHOOK, NOON, failure)


class PaymentUnderAnyUpdate(RuleBasedStateMachine):
    """Whatever arrives, in any order and repeated: what is final stays so, and the history has no gap."""

    def __init__(self) -> None:
        super().__init__()
        self.payment = payment()
        self.history: list[PaymentEvent] = []

    @rule(status=st.sampled_from(Status), failure=st.sampled_from([None, FUNDS]))
    def update_arrives(self, status: Status, failure: Failure | None) -> None:
        before = self.payment
        self.payment, event = before.apply(update(status, failure))
        if event is None:
            assert self.payment is before
            return
        assert not before.status.is_final or self.payment.status is Status.SETTLED
        assert before.status not in (Status.SETTLED, Status.REJECTED)
        self.history.append(event)

    @rule()
    def the_answer_is_lost(self) -> None:
        self.payment, event = self.payment.marked_in_doubt(NOON)
        if event is not None:
            self.history.append(event)

    @invariant()
    def versions_rise_by_one(self) -> None:
        assert [event.version for event in self.history] == list(range(1, self.payment.version + 1))

    @invariant()
    def nothing_goes_back(self) -> None:
        order = [Status.CREATED, Status.AUTHORISATION_REQUIRED, Status.SCHEDULED, Status.PROCESSING]
        steps = [order.index(event.status) for event in self.history if event.status in order]
        assert steps == sorted(steps)


TestPaymentUnderAnyUpdate = PaymentUnderAnyUpdate.TestCase


@pytest.mark.parametrize("back", [Status.AUTHORISATION_REQUIRED, Status.EXPIRED])
def test_what_is_under_way_comes_back_from_a_card_vendor_alone(back: Status) -> None:
    by_bank = payment(Status.PROCESSING)

    kept, nothing = by_bank.apply(update(back, FUNDS))
    moved, event = replace(by_bank, rail=Rail.CARD).apply(update(back, FUNDS))

    assert (kept, nothing) == (by_bank, None)
    assert event is not None
    assert (moved.status, moved.failure) == (back, FUNDS)


@pytest.mark.parametrize("ours", [Status.EXPIRED, Status.CANCELLED, Status.FAILED])
def test_money_that_moved_after_our_end_lands_on_the_payment(ours: Status) -> None:
    settled, event = payment(ours).apply(update(Status.SETTLED))

    assert settled.status is Status.SETTLED
    assert event is not None
    assert event.cause is PaymentCause.VENDOR_CORRECTION


def test_another_failure_at_the_same_status_is_an_event_of_its_own() -> None:
    failed, event = payment(Status.AUTHORISATION_REQUIRED).apply(update(Status.AUTHORISATION_REQUIRED, FUNDS))
    _, again = failed.apply(update(Status.AUTHORISATION_REQUIRED, FUNDS))

    assert event is not None
    assert failed.failure == FUNDS
    assert again is None


def test_a_status_update_ends_the_doubt() -> None:
    doubted, _ = payment().marked_in_doubt(NOON)
    known, _ = doubted.apply(update(Status.AUTHORISATION_REQUIRED))

    assert doubted.in_doubt
    assert not known.in_doubt


@pytest.mark.parametrize("status", [status for status in Status if status.is_final])
def test_what_is_over_cannot_be_cancelled(status: Status) -> None:
    with pytest.raises(InvalidState):
        payment(status).require_cancellable()


def test_what_is_in_doubt_cannot_be_cancelled() -> None:
    with pytest.raises(PaymentInDoubt):
        payment(in_doubt=True).require_cancellable()
