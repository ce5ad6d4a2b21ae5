from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import StepUpRequired
from domain.ids import SessionId, UserId
from domain.session import STEP_UP_WITHIN, Lifetime, Lifetimes, Session, SessionClient, device_of, require_recent

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


LASTS = Lifetimes(Lifetime(timedelta(minutes=5), timedelta(hours=12)), Lifetime(timedelta(days=14), timedelta(days=90)))


@pytest.mark.parametrize(("client", "lifetime"), [(SessionClient.WEB, LASTS.web), (SessionClient.MOBILE, LASTS.app)])
def test_a_session_ends_when_it_was_not_used_for_its_idle_time(client: SessionClient, lifetime: Lifetime) -> None:
    session = replace(SESSION, client=client)

    assert session.is_alive(NOON + lifetime.idle - A_MOMENT, LASTS)
    assert not session.is_alive(NOON + lifetime.idle, LASTS)


@pytest.mark.parametrize("expires_at", [NOON + timedelta(hours=12), NOON + timedelta(days=90)])
def test_use_does_not_keep_it_alive_for_ever_nor_beyond_what_was_shortened(expires_at: datetime) -> None:
    longest = NOON + timedelta(hours=12)
    busy = replace(SESSION, last_seen_at=longest, expires_at=expires_at)

    assert busy.is_alive(longest - A_MOMENT, LASTS)
    assert not busy.is_alive(longest, LASTS)


def test_a_session_that_was_ended_is_not_alive() -> None:
    assert not replace(SESSION, ended_at=NOON).is_alive(NOON, LASTS)


def test_use_is_noted_often_enough_for_the_idle_time() -> None:
    assert (LASTS.web.noted_every, LASTS.app.noted_every) == (timedelta(seconds=15), timedelta(minutes=5))


def test_what_needs_the_person_takes_a_bankid_login_of_the_last_five_minutes() -> None:
    require_recent(NOON, NOON + timedelta(minutes=5))
    require_recent(NOON, NOON - timedelta(minutes=5))

    assert timedelta(minutes=5) == STEP_UP_WITHIN
    with pytest.raises(StepUpRequired):
        require_recent(NOON, NOON + timedelta(minutes=5) + A_MOMENT)


CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.86 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "other", "is_same"),
    [
        (CHROME, CHROME.replace("131.0.6778.86", "132.0.6834.110"), True),
        ("Drop/2.4.1 (iPhone; iOS 18.1)", "Drop/3.0 (iPhone; iOS 18.2.1)", True),
        (CHROME, CHROME.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64"), False),
        (CHROME, CHROME.replace("Chrome", "Firefox"), False),
        (CHROME, None, False),
        (None, None, True),
    ],
)
def test_another_version_is_the_same_device(agent: str | None, other: str | None, is_same: bool) -> None:
    assert (device_of(agent) == device_of(other)) is is_same
