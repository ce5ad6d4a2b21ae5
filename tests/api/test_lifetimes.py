"""What is given for a while ends: a login that was begun, a one-time code, an access token; and what is for whom."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.api.test_login import VERIFIER, VIEWER, app_code, app_tokens, bearer, token
from tests.builders.gateway import Play, playing, query_of
from tests.builders.sandbox import MovedClock
from tests.conftest import NOON


@pytest.fixture
def machine() -> MovedClock:
    return MovedClock(NOON)


@pytest.fixture
async def play(database_url: str, tmp_path: Path, machine: MovedClock) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, machine_clock=machine) as play:
        yield play


@pytest.mark.parametrize(("minutes", "is_signed_in"), [(9, True), (10, False)])
async def test_a_login_has_ten_minutes(play: Play, machine: MovedClock, minutes: int, is_signed_in: bool) -> None:
    someone = play.browser()
    response = await someone.http.get("/auth/bankid/login?persona=kari&return_to=/api/health/live")
    while "/auth/bankid/callback" not in response.headers["location"]:
        response = await someone.http.get(response.headers["location"])

    machine.at += timedelta(minutes=minutes)
    back = await someone.http.get(response.headers["location"])

    assert ("error" in query_of(back.headers["location"])) is not is_signed_in
    assert ((await someone.ask(VIEWER))["viewer"] is not None) is is_signed_in


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400)])
async def test_a_one_time_code_has_a_minute(play: Play, machine: MovedClock, seconds: int, status: int) -> None:
    someone = play.browser()
    code = await app_code(someone)

    machine.at += timedelta(seconds=seconds)
    given = await token(someone, grant_type="authorization_code", code=code, code_verifier=VERIFIER)

    assert given.status_code == status


@pytest.mark.parametrize(("minutes", "status"), [(14, 200), (15, 401)])
async def test_an_access_token_has_a_quarter_of_an_hour(
    play: Play, machine: MovedClock, minutes: int, status: int
) -> None:
    tokens = await app_tokens(play.browser())

    machine.at += timedelta(minutes=minutes)

    assert (await bearer(play, tokens["access_token"]).post(VIEWER)).status_code == status


async def test_a_browsers_session_is_no_token_and_an_apps_token_no_session(play: Play) -> None:
    kari = await play.person()
    tokens = await app_tokens(play.browser())

    as_token = await bearer(play, kari.http.cookies["drop_session"]).post(VIEWER)
    as_cookie = play.browser()
    as_cookie.http.cookies.set("drop_session", tokens["access_token"])

    assert as_token.status_code == 401
    assert (await as_cookie.ask(VIEWER))["viewer"] is None
