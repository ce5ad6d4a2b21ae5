from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidState, KycRequired
from domain.ids import KycId, UserId
from domain.kyc import Kyc, KycStatus, RejectLabel, Review, known_labels, require_approved

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PENDING = Kyc(KycId("kyc_1"), UserId("usr_1"), "mock").start("applicant", NOON)


def review(status: KycStatus, minutes: int = 0, *, retry: bool = False) -> Review:
    at = NOON + timedelta(minutes=minutes)
    return Review(status, at, is_decided=True, retry_required=retry, can_retry=retry)


REVIEWS = st.builds(
    review,
    st.sampled_from([KycStatus.PENDING, KycStatus.APPROVED, KycStatus.REJECTED]),
    st.integers(0, 5),
    retry=st.booleans(),
)


@given(st.lists(REVIEWS, min_size=1))
def test_the_review_that_is_read_last_wins_whatever_its_date(reviews: list[Review]) -> None:
    kyc = PENDING
    for one in reviews:
        kyc = kyc.apply(one)

    assert (kyc.status, kyc.retry_required, kyc.newest_review_at) == (
        reviews[-1].status,
        reviews[-1].retry_required,
        reviews[-1].reviewed_at,
    )


def test_a_repeated_review_is_no_change() -> None:
    approved = PENDING.apply(review(KycStatus.APPROVED))

    assert approved.apply(review(KycStatus.APPROVED)) is approved
    assert approved.version == PENDING.version + 1


def test_approval_can_be_taken_back() -> None:
    kyc = PENDING.apply(review(KycStatus.APPROVED)).apply(review(KycStatus.REJECTED, minutes=1))

    assert kyc.status is KycStatus.REJECTED


def test_a_retry_is_taken_only_where_one_is_asked_for() -> None:
    asked = PENDING.apply(review(KycStatus.PENDING, retry=True))

    assert asked.retry_required
    assert not asked.retry().retry_required
    with pytest.raises(InvalidState):
        PENDING.retry()


def test_a_review_before_the_start_is_ignored() -> None:
    new = replace(PENDING, status=KycStatus.NOT_STARTED)

    assert new.apply(review(KycStatus.APPROVED)) is new


@pytest.mark.parametrize("status", [KycStatus.NOT_STARTED, KycStatus.PENDING, KycStatus.REJECTED])
def test_only_approved_users_transact(status: KycStatus) -> None:
    with pytest.raises(KycRequired):
        require_approved(status)
    require_approved(KycStatus.APPROVED)


def test_a_reason_that_the_vendor_has_added_is_shown_as_other() -> None:
    assert known_labels(["FORGERY", "BLURRED_BY_A_CAT"]) == [RejectLabel.FORGERY, RejectLabel.OTHER]
