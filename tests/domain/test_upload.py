"""Plans, uploads, cards and messages under any news: nothing leaves its end, and versions rise by one."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.card import Card, CardFace, CardStatus, CardType
from domain.errors import InvalidState, Refusals
from domain.ids import CardholderId, CardId, NotificationId, PlanSubscriptionId, UploadId, UserId
from domain.notification import RETRY_AFTER, Notification, NotificationStatus, Template
from domain.plan import PlanStatus, PlanSubscription, PlanTerms
from domain.profile import profile_change
from domain.upload import (
    TYPES,
    RejectReason,
    Upload,
    UploadOrder,
    UploadPurpose,
    UploadStatus,
    fault_of,
    upload_order,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KARI = UserId("usr_1")
PDF = UploadOrder(UploadPurpose.DOCUMENT, "a.pdf", "application/pdf", 5, "0" * 64)


@given(st.lists(st.tuples(st.sampled_from(PlanStatus), st.booleans(), st.integers(0, 3)), max_size=15))
def test_a_plan_that_has_ended_stays_so(news: list[tuple[PlanStatus, bool, int]]) -> None:
    one = PlanSubscription(PlanSubscriptionId("psub_1"), KARI, "plan_plus", "mock", NOON)
    for status, ends, months in news:
        before = one
        one = one.apply(PlanTerms(status, NOON + timedelta(days=30 * months), cancel_at_period_end=ends))
        assert one.version == before.version + (one is not before)
        assert before.is_open or one is before
        assert one.status is not PlanStatus.CREATED or before.status is PlanStatus.CREATED


@given(st.lists(st.sampled_from(UploadStatus), max_size=10))
def test_an_upload_goes_one_way(wishes: list[UploadStatus]) -> None:
    one = Upload(UploadId("upl_1"), KARI, "mock", PDF, "k", NOON, NOON)
    for wish in wishes:
        before = one
        try:
            one = one.become(wish, NOON)
        except InvalidState:
            continue
        assert one.version == before.version + (one is not before)
        assert before.status in (UploadStatus.PENDING, one.status) or one.status is UploadStatus.DELETED


@given(st.lists(st.sampled_from(CardStatus), max_size=10))
def test_a_cancelled_card_stays_so(news: list[CardStatus]) -> None:
    one = Card(CardId("crd_1"), KARI, CardholderId("chd_1"), "mock", CardType.VIRTUAL, NOON)
    for status in news:
        before = one
        one = one.apply(status, "ic_1", CardFace("4242", 12, 2030))
        assert before.status is not CardStatus.CANCELLED or one.status is CardStatus.CANCELLED
        assert one.version == before.version + (one is not before)


@given(st.lists(st.sampled_from([*NotificationStatus, None]), max_size=15))
def test_a_message_is_tried_four_times_and_its_end_is_its_end(news: list[NotificationStatus | None]) -> None:
    one = Notification(NotificationId("ntf_1"), KARI, Template.WELCOME, "nb-NO", {}, "mock", NOON)
    pauses = []
    for status in news:
        before = one
        if status is None:
            if one.is_waiting:
                one, pause = one.failed("away")
                pauses.append(pause)
        elif status is not NotificationStatus.QUEUED:
            one = one.apply(status)
        ended = (NotificationStatus.DELIVERED, NotificationStatus.BOUNCED, NotificationStatus.DEAD)
        assert before.status not in ended or one is before
    assert pauses == [*RETRY_AFTER, None][: len(pauses)]


def test_only_a_dead_message_is_replayed_and_with_all_its_tries() -> None:
    one = Notification(NotificationId("ntf_1"), KARI, Template.WELCOME, "nb-NO", {}, "mock", NOON)
    assert one.replayed() is one
    for _ in range(4):
        one, _pause = one.failed("away")

    again = one.replayed()

    assert (again.status, again.attempts) == (NotificationStatus.QUEUED, 0)


@given(
    st.text(max_size=300),
    st.sampled_from([*TYPES, "text/html", ""]),
    st.integers(-1, 20_000_000),
    st.text(max_size=70),
    st.sampled_from(UploadPurpose),
)
def test_what_is_taken_has_no_path_and_ends_as_its_type(
    name: str, kind: str, size: int, sha256: str, purpose: UploadPurpose
) -> None:
    try:
        order = upload_order(purpose, file_name=name, content_type=kind, size_bytes=size, sha256=sha256)
    except Refusals as refused:
        assert refused.refusals
        return
    assert not re.search(r"[/\\\x00-\x1f]", order.file_name)
    assert order.file_name.rpartition(".")[2].lower() in TYPES[order.content_type].names


@pytest.mark.parametrize(
    ("size", "kind", "sha256", "first", "reason"),
    [
        (5, "application/pdf", "0" * 64, b"%PDF-1.7", None),
        (5, "application/pdf", None, b"%PDF-1.7", None),
        (6, "application/pdf", "0" * 64, b"%PDF-1.7", RejectReason.SIZE_DIFFERS),
        (5, "text/html", "0" * 64, b"%PDF-1.7", RejectReason.TYPE_DIFFERS),
        (5, "application/pdf", "1" * 64, b"%PDF-1.7", RejectReason.CHECKSUM_DIFFERS),
        (5, "application/pdf", "0" * 64, b"<html>", RejectReason.CONTENT_IS_ANOTHER_TYPE),
    ],
)
def test_what_differs_is_named(size: int, kind: str, sha256: str | None, first: bytes, reason: object) -> None:
    assert fault_of(PDF, size_bytes=size, content_type=kind, sha256=sha256, first=first) is reason


@given(st.emails())
def test_addresses_that_the_standard_allows_are_mostly_taken_and_never_break(email: str) -> None:
    try:
        change = profile_change(email=email, phone=None, locale=None, address=None)
    except Refusals as refused:
        assert [one.code for one in refused.refusals] == ["INVALID_EMAIL"]
    else:
        assert change.email == email


@pytest.mark.parametrize(("phone", "e164"), [("+47 900 00 001", "+4790000001"), ("+1 (500) 555-0009", "+15005550009")])
def test_a_number_is_kept_as_e164(phone: str, e164: str) -> None:
    assert profile_change(email=None, phone=phone, locale=None, address=None).phone == e164
