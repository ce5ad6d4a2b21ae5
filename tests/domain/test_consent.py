from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import oslo_date
from domain.consent import (
    BankLink,
    BankLinkEnd,
    BankLinkStatus,
    Consent,
    ConsentStatus,
    longest_valid_until,
)
from domain.ids import BankId, BankLinkId, ConsentId, UserId

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def consent(status: ConsentStatus = ConsentStatus.AWAITING_AUTHORISATION) -> Consent:
    return Consent(ConsentId("cns_1"), UserId("usr_1"), BankLinkId("con_1"), "mock", NOON, date(2027, 5, 23), status)


BANK_LINK = BankLink(BankLinkId("con_1"), UserId("usr_1"), BankId("bank_dnb"), "mock", NOON)


@given(st.lists(st.sampled_from(ConsentStatus)))
def test_a_consent_never_comes_back_from_its_end(words: list[ConsentStatus]) -> None:
    one = consent()
    for word in words:
        before = one
        one = one.apply(word)
        if before.status not in (ConsentStatus.AWAITING_AUTHORISATION, ConsentStatus.ACTIVE):
            assert one is before
        assert one.version == before.version + (one is not before)


def test_a_consent_is_asked_for_a_day_less_than_180_by_the_oslo_calendar() -> None:
    late_evening = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)

    assert oslo_date(late_evening) == date(2026, 11, 25)
    assert longest_valid_until(late_evening) == date(2027, 5, 23)


def test_it_ends_at_midnight_in_oslo_after_its_last_day() -> None:
    assert consent().ends_at.astimezone(UTC) == datetime(2027, 5, 23, 22, tzinfo=UTC)


@pytest.mark.parametrize("ended", [ConsentStatus.REJECTED, ConsentStatus.AWAITING_AUTHORISATION])
def test_a_renewal_that_comes_to_nothing_leaves_an_active_connection(ended: ConsentStatus) -> None:
    active = BANK_LINK.apply_consent(consent(ConsentStatus.ACTIVE))

    assert active.status is BankLinkStatus.ACTIVE
    assert active.apply_consent(consent(ended)) is active


def test_an_ended_consent_tells_the_connection_why() -> None:
    active = BANK_LINK.apply_consent(consent(ConsentStatus.ACTIVE))
    ended = active.apply_consent(consent(ConsentStatus.REVOKED))

    assert (ended.status, ended.ended_because) == (BankLinkStatus.REVOKED, BankLinkEnd.ENDED_BY_BANK)
