from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import StepUpRequired
from domain.ids import SessionId, UserId
from domain.session import IDLE_LIFETIME, STEP_UP_WITHIN, Session, SessionClient, require_recent

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
SESSION = Session(
    SessionId("ses_1"),
    UserId("usr_1"),
    SessionClient.WEB,
    None,
    NOON,
    NOON,
    expires_at=NOON + timedelta(days=90),
    authenticated_at=NOON,
    token_expires_at=NOON + timedelta(days=90),
)


def test_a_session_ends_after_two_weeks_without_a_request() -> None:
    assert SESSION.is_alive(NOON + IDLE_LIFETIME - A_MOMENT)
    assert not SESSION.is_alive(NOON + IDLE_LIFETIME)


def test_requests_do_not_keep_it_alive_for_ever() -> None:
    busy = replace(SESSION, last_seen_at=SESSION.expires_at)

    assert busy.is_alive(SESSION.expires_at - A_MOMENT)
    assert not busy.is_alive(SESSION.expires_at)


def test_a_session_that_was_ended_is_not_alive() -> None:
    assert not replace(SESSION, ended_at=NOON).is_alive(NOON)


def test_what_needs_the_person_takes_a_bankid_login_of_the_last_five_minutes() -> None:
    require_recent(NOON, NOON + timedelta(minutes=5))

    assert timedelta(minutes=5) == STEP_UP_WITHIN
    with pytest.raises(StepUpRequired):
        require_recent(NOON, NOON + timedelta(minutes=5) + A_MOMENT)
