from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidState, KycRequired
from domain.ids import KycId, UserId
from domain.kyc import (
    Check,
    CheckKind,
    CheckResult,
    Kyc,
    KycStatus,
    RejectLabel,
    Review,
    require_approved,
    told,
    told_labels,
)

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


def test_a_risk_score_that_changes_alone_is_kept_without_a_version() -> None:
    approved = PENDING.apply(replace(review(KycStatus.APPROVED), risk_score=15))

    watched = approved.apply(replace(review(KycStatus.APPROVED, 5), risk_score=70))

    assert (watched.risk_score, watched.newest_review_at) == (70, NOON + timedelta(minutes=5))
    assert (watched.version, watched.reviewed_at) == (approved.version, approved.reviewed_at)


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


UNTOLD = ("FORGERY", "FRAUDULENT_LIVENESS", "SANCTIONS", "PEP", "ADVERSE_MEDIA", "BLOCKLIST", "BLURRED_BY_A_CAT")


def test_a_reason_is_told_where_it_is_about_the_document_or_the_picture_and_each_once() -> None:
    labels = ["SELFIE_MISMATCH", "FORGERY", "DOCUMENT_UNREADABLE", "SANCTIONS", "SELFIE_MISMATCH"]

    assert told_labels(labels) == [RejectLabel.SELFIE_MISMATCH, RejectLabel.OTHER, RejectLabel.DOCUMENT_UNREADABLE]


def refused(*labels: str, status: KycStatus = KycStatus.REJECTED, retry: bool = False) -> Kyc:
    checks = tuple(Check(kind, CheckResult.PASSED) for kind in CheckKind)
    return replace(PENDING, status=status, reject_labels=labels, checks=checks, risk_score=85, retry_required=retry)


@pytest.mark.parametrize("label", UNTOLD)
def test_all_reasons_that_are_not_told_look_alike(label: str) -> None:
    shown = told(refused(label))

    assert shown == told(refused("FORGERY"))
    assert (shown.reject_labels, shown.checks, shown.risk_score) == (("OTHER",), (), None)
    assert told(refused(label, "PEP")) == shown == told(shown)


def test_beside_a_reason_that_is_told_stand_the_checks_of_document_and_face() -> None:
    shown = told(refused("DOCUMENT_UNREADABLE", status=KycStatus.PENDING, retry=True))

    assert [check.kind for check in shown.checks] == ["DOCUMENT_AUTHENTICITY", "LIVENESS", "FACE_MATCH"]
    assert told(refused("DOCUMENT_UNREADABLE", "PEP")).checks == ()
    assert told(refused()).checks == ()
