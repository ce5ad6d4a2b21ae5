from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidState
from domain.ids import PlanSubscriptionId, UserId
from domain.payment import Failure, FailureCode
from domain.plan import BILLED, PLANS, PlanEnd, PlanInterval, PlanStatus, PlanSubscription, PlanTerms

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CREATED, INCOMPLETE, ACTIVE, PAST_DUE, ENDED = PlanStatus
NEW = PlanSubscription(PlanSubscriptionId("psub_1"), UserId("usr_1"), "plan_plus", "mock", NOON)
DECLINED = Failure(FailureCode.CARD_DECLINED)


def subscription(status: PlanStatus, *, ends: bool = False) -> PlanSubscription:
    return replace(NEW, status=status, cancel_at_period_end=ends)


@given(st.lists(st.tuples(st.sampled_from(PlanStatus), st.booleans(), st.integers(0, 3)), max_size=15))
def test_whatever_the_vendor_reports_what_has_ended_opens_only_where_it_is_billed(
    reports: list[tuple[PlanStatus, bool, int]],
) -> None:
    current = NEW
    for status, ends, months in reports:
        before = current
        current = current.apply(PlanTerms(status, NOON + timedelta(days=30 * months), cancel_at_period_end=ends))
        assert current.version == before.version + (current is not before)
        assert before.is_open or current is before or current.status in BILLED
        assert current.status is not CREATED or before.status is CREATED


@pytest.mark.parametrize(
    ("status", "may_follow"),
    [
        (CREATED, {INCOMPLETE, ACTIVE, PAST_DUE, ENDED}),
        (INCOMPLETE, {ACTIVE, PAST_DUE, ENDED}),
        (ACTIVE, {PAST_DUE, ENDED}),
        (PAST_DUE, {ACTIVE, ENDED}),
        (ENDED, {ACTIVE, PAST_DUE}),
    ],
)
def test_each_status_is_followed_by_those_alone(status: PlanStatus, may_follow: set[PlanStatus]) -> None:
    reached = {subscription(status).apply(PlanTerms(wanted, NOON)).status for wanted in PlanStatus}

    assert reached == may_follow | {status}


def test_a_report_without_an_end_of_the_period_keeps_the_known_one() -> None:
    running = NEW.apply(PlanTerms(ACTIVE, NOON))

    assert running.apply(PlanTerms(PAST_DUE, None)).period_end == NOON
    assert running.apply(PlanTerms(ACTIVE, NOON)) is running


def test_why_the_first_payment_failed_is_still_known_after_the_end_that_follows() -> None:
    failed = NEW.apply(PlanTerms(INCOMPLETE, None, failure=DECLINED))
    ended = failed.apply(PlanTerms(ENDED, None, ended_because=PlanEnd.PAYMENT_FAILED))

    assert (ended.failure, ended.ended_because) == (DECLINED, PlanEnd.PAYMENT_FAILED)
    assert failed.apply(PlanTerms(ACTIVE, NOON)).failure is None


@pytest.mark.parametrize("status", PlanStatus)
def test_only_what_is_paid_for_or_being_collected_runs(status: PlanStatus) -> None:
    if status in (ACTIVE, PAST_DUE):
        subscription(status).require_running()
    else:
        with pytest.raises(InvalidState, match=status):
            subscription(status).require_running()


def test_only_what_is_to_end_can_be_resumed() -> None:
    subscription(ACTIVE, ends=True).require_resumable()

    with pytest.raises(InvalidState):
        subscription(ACTIVE).require_resumable()
    with pytest.raises(InvalidState):
        subscription(ENDED, ends=True).require_resumable()


def test_a_year_costs_less_than_twelve_months() -> None:
    monthly, yearly = PLANS["plan_plus"], PLANS["plan_plus_yearly"]

    assert (monthly.interval, yearly.interval) == (PlanInterval.MONTH, PlanInterval.YEAR)
    assert 0 < yearly.price.amount_minor < 12 * monthly.price.amount_minor
    assert all(plan.id == key for key, plan in PLANS.items())
