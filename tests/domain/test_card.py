from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.card import OVER, Card, CardFace, CardFailure, CardStatus, CardType
from domain.errors import InvalidState
from domain.feature import Feature
from domain.ids import CardholderId, CardId, UserId

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FACE = CardFace("4242", 12, 2030)
REASON = CardFailure.NOT_ISSUED
CARD = Card(CardId("crd_1"), UserId("usr_1"), CardholderId("chd_1"), "mock", CardType.VIRTUAL, NOON)
REQUESTED, ACTIVE, FROZEN, CANCELLED, FAILED = CardStatus


@given(st.lists(st.sampled_from(CardStatus), max_size=10))
def test_whatever_the_issuer_reports_a_card_that_is_over_stays_so_and_none_is_requested_again(
    reports: list[CardStatus],
) -> None:
    card = CARD
    for status in reports:
        before = card
        card = card.apply(status, "ic_1", FACE)
        assert before.status not in OVER or card.status is before.status
        assert card.status is not REQUESTED or before.status is REQUESTED
        assert card.version == before.version + (card is not before)


@pytest.mark.parametrize("wanted", [ACTIVE, FROZEN, CANCELLED])
def test_the_issuers_first_report_brings_status_reference_and_face(wanted: CardStatus) -> None:
    assert CARD.apply(wanted, "ic_1", FACE) == replace(
        CARD, status=wanted, vendor_card_id="ic_1", face=FACE, version=CARD.version + 1
    )


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (REQUESTED, set()),
        (ACTIVE, {ACTIVE, FROZEN, CANCELLED}),
        (FROZEN, {ACTIVE, FROZEN, CANCELLED}),
        (CANCELLED, {CANCELLED}),
        (FAILED, set()),
    ],
)
def test_a_user_may_ask_for_what_can_follow_and_for_what_is_so_already(
    status: CardStatus, allowed: set[CardStatus]
) -> None:
    taken = set()
    for wanted in (ACTIVE, FROZEN, CANCELLED):
        try:
            replace(CARD, status=status).require(wanted)
        except InvalidState as refused:
            assert refused.field == ("input", "id")
        else:
            taken.add(wanted)

    assert taken == allowed


def test_each_kind_of_card_has_a_flag_of_its_own() -> None:
    assert {kind: kind.feature for kind in CardType} == {
        CardType.VIRTUAL: Feature.VIRTUAL_CARDS,
        CardType.PHYSICAL: Feature.PHYSICAL_CARDS,
    }


def test_what_is_not_known_of_a_card_changes_nothing() -> None:
    active = CARD.apply(ACTIVE, "ic_1", FACE)

    assert active.apply(None, "ic_1", None) is active
    assert CARD.apply(None, "ic_1", FACE) == replace(CARD, vendor_card_id="ic_1", face=FACE, version=2)


def test_a_card_that_the_issuer_refuses_has_failed_unless_it_answered_before() -> None:
    active = CARD.apply(ACTIVE, "ic_1", FACE)

    assert CARD.refused(REASON) == replace(CARD, status=FAILED, failure=REASON, version=2)
    assert active.refused(REASON) is active
