"""What a stolen or planted login, code or token is worth: nothing, and its use ends what it stands for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.test_login import VERIFIER, VIEWER, app_code, app_tokens, bearer, token
from tests.builders.gateway import BASE, Play, Player, playing, query_of
from tests.builders.sandbox import MovedClock
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

LOGIN = "/auth/bankid/login?persona=kari&return_to=/api/health/live"
HTML = {"accept": "text/html", "accept-language": "en"}


@pytest.fixture
def machine_clock() -> MovedClock:
    return MovedClock(NOON)


@pytest.fixture
async def play(database_url: str, tmp_path: Path, machine_clock: MovedClock) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, machine_clock=machine_clock) as play:
        yield play


async def audited(play: Play) -> list[str]:
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        return list((await connection.execute(text("SELECT action FROM audit_event ORDER BY at, id"))).scalars())


async def told(play: Play) -> list[str]:
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        return list((await connection.execute(text("SELECT template FROM notification"))).scalars())


def logins(player: Player) -> list[str]:
    return sorted(name for name in player.http.cookies if name.startswith("drop_login_"))


async def is_signed_in(player: Player) -> bool:
    answer = await player.post(VIEWER)
    return answer.status_code == 200 and answer.json()["data"]["viewer"] is not None


async def refreshed(play: Play, refresh_token: str) -> dict[str, Any]:
    response = await token(play.browser(), grant_type="refresh_token", refresh_token=refresh_token)
    tokens: dict[str, Any] = response.json()
    return tokens


async def test_a_login_that_was_planted_in_a_browser_signs_it_in_as_nobody(play: Play) -> None:
    attacker = play.browser()
    begun = await attacker.http.get(LOGIN)
    back = (await attacker.http.get(begun.headers["location"])).headers["location"]
    (planted,) = logins(attacker)
    victim = play.browser(cookie=f"drop_login=planted; {planted}=planted")
    await victim.http.get(LOGIN)

    refused = await victim.http.get(back)

    assert refused.status_code == 400
    assert not await is_signed_in(victim)
    assert "planted" not in victim.http.cookies.values()


async def test_the_login_cookie_is_the_hosts_own_where_there_is_https(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, public_url="https://drop.example") as play:
        response = await play.browser().http.get(LOGIN)

    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-drop_login_log_")
    assert "; Path=/" in cookie
    assert "; Secure" in cookie
    assert "domain" not in cookie.lower()


async def test_a_browser_has_five_logins_open_and_the_oldest_starts_again(
    play: Play, machine_clock: MovedClock
) -> None:
    someone = play.browser(**HTML)
    begun = []
    for _ in range(6):
        begun.append((await someone.http.get(LOGIN)).headers["location"])
        machine_clock.at += timedelta(seconds=1)
    oldest, second = [(await someone.http.get(where)).headers["location"] for where in begun[:2]]

    still_open = len(logins(someone))
    too_old = await someone.http.get(oldest)
    done = await someone.http.get(second)

    assert still_open == 5
    assert too_old.status_code == 400
    assert "Start again</a>" in too_old.text
    assert done.status_code == 303
    assert "drop_session" in someone.http.cookies


async def test_signing_in_again_ends_the_old_session_and_its_sockets(play: Play) -> None:
    kari = await play.person()
    old = kari.http.cookies["drop_session"]
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await kari.sign_in()
        closed = (await socket.receive())["code"]

    assert closed == 4401
    assert await is_signed_in(kari)
    assert not await is_signed_in(play.browser(cookie=f"drop_session={old}"))


async def test_a_code_that_comes_again_ends_the_tokens_that_it_gave(play: Play) -> None:
    kari, someone = await play.person(), play.browser()
    await kari.ask('mutation { updateProfile(input: {phone: "+4740000001"}) { userErrors { code } } }')
    code = await app_code(someone)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    tokens = (await token(someone, **form)).json()
    app = bearer(play, tokens["access_token"])
    before = await is_signed_in(app)

    replayed = await token(play.browser(), **form)

    assert before
    assert replayed.json()["error"] == "invalid_grant"
    assert not await is_signed_in(app)
    assert (await refreshed(play, tokens["refresh_token"]))["error"] == "invalid_grant"
    assert "code_used_twice" in await audited(play)
    assert "sign_in_stopped" in await told(play)


async def test_a_refresh_whose_answer_was_lost_gives_a_fresh_pair(play: Play, machine_clock: MovedClock) -> None:
    first = await app_tokens(play.browser())
    lost = await refreshed(play, first["refresh_token"])
    machine_clock.at += timedelta(seconds=9)

    second = await refreshed(play, first["refresh_token"])

    assert not await is_signed_in(bearer(play, lost["access_token"]))
    assert await is_signed_in(bearer(play, second["access_token"]))
    assert "access_token" in await refreshed(play, second["refresh_token"])
    assert "refresh_token_used_twice" not in await audited(play)


async def test_a_refresh_whose_answers_are_lost_again_and_again_keeps_the_app_signed_in(
    play: Play, machine_clock: MovedClock
) -> None:
    first = await app_tokens(play.browser())
    for _ in range(3):
        await refreshed(play, first["refresh_token"])
        machine_clock.at += timedelta(seconds=2)

    arrived = await refreshed(play, first["refresh_token"])

    assert await is_signed_in(bearer(play, arrived["access_token"]))
    assert "access_token" in await refreshed(play, arrived["refresh_token"])
    assert "refresh_token_used_twice" not in await audited(play)


async def test_a_refresh_that_is_sent_again_before_its_answer_keeps_the_app_signed_in(play: Play) -> None:
    first = await app_tokens(play.browser())

    pairs = await asyncio.gather(*(refreshed(play, first["refresh_token"]) for _ in range(4)))

    alive = [pair for pair in pairs if await is_signed_in(bearer(play, pair["access_token"]))]
    assert len(alive) == 1
    assert "access_token" in await refreshed(play, alive[0]["refresh_token"])
    assert "refresh_token_used_twice" not in await audited(play)


async def test_a_pair_that_a_thief_has_voided_ends_the_sign_in_as_it_is_used(play: Play) -> None:
    kari = await play.person()
    first = await app_tokens(play.browser())
    victims = await refreshed(play, first["refresh_token"])
    thiefs = await refreshed(play, first["refresh_token"])
    assert await is_signed_in(bearer(play, thiefs["access_token"]))

    refused = await refreshed(play, victims["refresh_token"])

    assert refused["error"] == "invalid_grant"
    assert not await is_signed_in(bearer(play, thiefs["access_token"]))
    assert (await refreshed(play, thiefs["refresh_token"]))["error"] == "invalid_grant"
    assert await is_signed_in(kari)
    assert (await audited(play)).count("refresh_token_used_twice") == 1
    assert "sign_in_stopped" in await told(play)


@pytest.mark.parametrize("use", ["later", "after its access token", "after its refresh token"])
async def test_a_spent_refresh_token_ends_the_sign_in_and_its_user_is_told(
    play: Play, machine_clock: MovedClock, use: str
) -> None:
    kari = await play.person()
    first = await app_tokens(play.browser())
    present = await refreshed(play, first["refresh_token"])
    if use == "later":
        machine_clock.at += timedelta(seconds=11)
    elif use == "after its access token":
        assert await is_signed_in(bearer(play, present["access_token"]))
    else:
        present = await refreshed(play, present["refresh_token"])

    stolen = await refreshed(play, first["refresh_token"])

    assert stolen["error"] == "invalid_grant"
    assert not await is_signed_in(bearer(play, present["access_token"]))
    assert (await refreshed(play, present["refresh_token"]))["error"] == "invalid_grant"
    assert await is_signed_in(kari)
    assert (await audited(play)).count("refresh_token_used_twice") == 1
    assert "sign_in_stopped" in await told(play)


async def test_a_way_back_carries_no_login_of_another_attempt(play: Play) -> None:
    someone = play.browser()
    one, two = [(await someone.http.get(LOGIN)).headers["location"] for _ in range(2)]
    back = (await someone.http.get(one)).headers["location"]
    first, second = logins(someone)
    swapped = play.browser(cookie=f"{first}={someone.http.cookies[second]}")

    refused = await swapped.http.get(back)

    assert (refused.status_code, query_of(two)["state"] != query_of(one)["state"]) == (400, True)
    assert back.startswith((BASE, "/auth"))
