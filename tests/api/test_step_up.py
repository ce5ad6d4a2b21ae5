"""What asks for the person again, and the login by a real OpenID provider."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.test_login import APP, CHALLENGE, VERIFIER, bearer, token
from tests.builders.at_bankid import CALLBACK, by_bankid, playing_at_bankid
from tests.builders.gateway import BASE, Play, Player, nodes, playing, query_of
from tests.builders.openid import Op, openid_provider
from tests.builders.sandbox import MovedClock
from tests.builders.server import free_port
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

DELETE = "mutation { deleteAccount(input: {confirm: true}) { deletedAt userErrors { code } } }"
STEP_UP = "/auth/bankid/login?step_up=true&return_to=/api/health/live"
NAME = "{ viewer { name } }"
CSRF = {"x-drop-csrf": "1"}


@pytest.fixture
def machine_clock() -> MovedClock:
    return MovedClock(NOON)


@pytest.fixture
async def play(database_url: str, tmp_path: Path, machine_clock: MovedClock) -> AsyncIterator[Play]:
    on: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True}
    async with playing(database_url, tmp_path, NOON, machine_clock=machine_clock, **on) as play:
        yield play


async def is_deleted(player: Player) -> bool:
    deleted = (await player.ask(DELETE))["deleteAccount"]
    assert deleted["userErrors"] == []
    return deleted["deletedAt"] is not None


async def test_who_has_just_signed_in_is_not_asked_again(play: Play) -> None:
    assert await is_deleted(await play.person())


async def test_deleting_the_account_asks_for_the_person_in_the_same_session(
    play: Play, machine_clock: MovedClock
) -> None:
    kari = await play.person()
    machine_clock.at += timedelta(minutes=6)
    assert await kari.error_code(DELETE) == "STEP_UP_REQUIRED"

    before = kari.http.cookies["drop_session"]
    await kari.browse(f"{STEP_UP}&persona=kari")

    assert kari.http.cookies["drop_session"] != before
    assert len(nodes((await kari.ask("{ viewer { sessions { edges { node { id } } } } }"))["viewer"]["sessions"])) == 1
    with_old_cookie = play.browser(cookie=f"drop_session={before}")
    assert (await with_old_cookie.ask("{ viewer { name } }"))["viewer"] is None
    assert await is_deleted(kari)


async def test_issuing_a_card_asks_for_the_person(play: Play, machine_clock: MovedClock) -> None:
    kari = await play.approved()
    issue = """mutation { issueCard(input: {type: VIRTUAL, idempotencyKey: "step-up-key-1"}) {
      card { id } userErrors { code } } }"""
    machine_clock.at += timedelta(minutes=6)
    assert await kari.error_code(issue) == "STEP_UP_REQUIRED"

    await kari.browse(f"{STEP_UP}&persona=kari")

    assert (await kari.ask(issue))["issueCard"]["userErrors"] == [{"code": "NOT_FOUND"}]


async def test_who_found_an_open_browser_takes_no_account_over(play: Play, machine_clock: MovedClock) -> None:
    kari, elsewhere = await play.person(), await play.person()
    sessions = nodes(
        (await kari.ask("{ viewer { sessions { edges { node { id isCurrent } } } } }"))["viewer"]["sessions"]
    )
    here, other = sorted(sessions, key=lambda session: not session["isCurrent"])
    machine_clock.at += timedelta(minutes=6)
    allowed = (
        'updateProfile(input: {locale: "en-GB", email: "kari@example.no"}) { userErrors { code } }',
        "setNotificationPreferences(input: {payments: false, security: true}) { userErrors { code } }",
        f'endSession(input: {{id: "{here["id"]}"}}) {{ userErrors {{ code }} }}',
    )
    refused = (
        'updateProfile(input: {email: "thief@example.no"}) { userErrors { code } }',
        'updateProfile(input: {phone: "+4790000001"}) { userErrors { code } }',
        "updateProfile(input: {phone: null}) { userErrors { code } }",
        "setNotificationPreferences(input: {security: false}) { userErrors { code } }",
        "requestDataExport { userErrors { code } }",
        f'endSession(input: {{id: "{other["id"]}"}}) {{ userErrors {{ code }} }}',
        "endAllSessions { count }",
    )

    for mutation in refused:
        assert await kari.error_code(f"mutation {{ {mutation} }}") == "STEP_UP_REQUIRED", mutation
    for mutation in allowed:
        assert (await kari.ask(f"mutation {{ a: {mutation} }}"))["a"]["userErrors"] == [], mutation
    assert (await elsewhere.ask("{ viewer { email phone pendingEmail { address } } }"))["viewer"] == {
        "email": "kari@example.no",
        "phone": "+4740000001",
        "pendingEmail": None,
    }
    await elsewhere.browse(f"{STEP_UP}&persona=kari")
    for mutation in refused[:-2]:
        assert "errors" not in (await elsewhere.post(f"mutation {{ {mutation} }}")).json(), mutation


async def test_somebody_else_cannot_answer_for_who_is_signed_in(play: Play, machine_clock: MovedClock) -> None:
    kari = await play.person()
    machine_clock.at += timedelta(minutes=6)

    response = await kari.browse(f"{STEP_UP}&persona=ola")

    assert query_of(str(response.url)) == {"error": "access_denied"}
    assert await kari.error_code(DELETE) == "STEP_UP_REQUIRED"
    assert (await kari.ask("{ viewer { name } }"))["viewer"]["name"] == "Kari Nordmann"


async def test_a_step_up_of_nobody_is_a_sign_in(play: Play) -> None:
    player = play.browser()

    await player.browse(f"{STEP_UP}&persona=kari")

    assert await is_deleted(player)


async def app_answer(play: Play, login: str = "", persona: str = "kari", **more: str) -> dict[str, str]:
    """What the token endpoint answers after an app's login."""
    player = play.browser()
    response = await player.http.get(f"/auth/bankid/login?{APP}&code_challenge={CHALLENGE}&persona={persona}{login}")
    while not response.headers["location"].startswith("no.drop.app:/"):
        response = await player.http.get(response.headers["location"])
    code = query_of(response.headers["location"])["code"]
    answer = await token(player, grant_type="authorization_code", code=code, code_verifier=VERIFIER, **more)
    given: dict[str, str] = answer.json()
    return {**given, "code": code}


async def refreshed(play: Play, refresh_token: str) -> dict[str, str]:
    answer = await token(play.browser(), grant_type="refresh_token", refresh_token=refresh_token)
    given: dict[str, str] = answer.json()
    return given


async def test_an_app_steps_up_by_new_tokens_and_refreshing_is_none(play: Play, machine_clock: MovedClock) -> None:
    old = await app_answer(play)
    machine_clock.at += timedelta(minutes=6)
    old = await refreshed(play, old["refresh_token"])
    app = bearer(play, old["access_token"])
    assert await app.error_code(DELETE) == "STEP_UP_REQUIRED"

    new = await app_answer(play, "&step_up=true", refresh_token=old["refresh_token"])

    assert await is_deleted(bearer(play, new["access_token"]))


@pytest.mark.parametrize("known_by", ["present", "spent"])
@pytest.mark.parametrize("login", ["", "&step_up=true"])
async def test_an_app_that_signs_in_anew_ends_its_old_session_alone(
    play: Play, machine_clock: MovedClock, login: str, known_by: str
) -> None:
    kari, tablet = await play.person(), await app_answer(play)
    first = await app_answer(play)
    old = await refreshed(play, first["refresh_token"])
    machine_clock.at += timedelta(minutes=1)
    async with socket_of(play, init={"authorization": f"Bearer {old['access_token']}"}) as socket:
        await opened(socket)
        held = first if known_by == "spent" else old
        new = await app_answer(play, login, refresh_token=held["refresh_token"])
        closed = (await socket.receive())["code"]

    assert closed == 4401
    assert (await bearer(play, old["access_token"]).post(NAME)).status_code == 401
    assert (await refreshed(play, old["refresh_token"]))["error"] == "invalid_grant"
    for still in (kari, bearer(play, tablet["access_token"]), bearer(play, new["access_token"])):
        assert (await still.ask(NAME))["viewer"]["name"] == "Kari Nordmann"
    assert "access_token" in await refreshed(play, new["refresh_token"])


async def test_an_apps_step_up_says_whose_sign_in_it_confirms(play: Play) -> None:
    kari, ola = await app_answer(play), await app_answer(play, persona="ola")

    nobody = await app_answer(play, "&step_up=true")
    unknown = await app_answer(play, "&step_up=true", refresh_token="unknown")
    someone = await app_answer(play, "&step_up=true", refresh_token=ola["refresh_token"])
    again = await token(
        play.browser(),
        grant_type="authorization_code",
        code=nobody["code"],
        code_verifier=VERIFIER,
        refresh_token=kari["refresh_token"],
    )

    replayed = await token(play.browser(), grant_type="authorization_code", code=nobody["code"], code_verifier=VERIFIER)

    assert [given["error"] for given in (nobody, unknown, someone)] == ["invalid_request", *["invalid_grant"] * 2]
    assert "access_token" in await refreshed(play, ola["refresh_token"])
    assert "access_token" in again.json()
    assert replayed.json()["error"] == "invalid_grant"
    assert (await bearer(play, again.json()["access_token"]).post(NAME)).status_code == 401


# By a real OpenID provider


@pytest.fixture(scope="module")
def op() -> Iterator[Op]:
    with openid_provider(free_port(), CALLBACK) as op:
        yield op


@pytest.fixture
async def at_bankid(database_url: str, tmp_path: Path, op: Op) -> AsyncIterator[Play]:
    async with playing_at_bankid(database_url, tmp_path, op) as play:
        yield play


async def test_a_browser_signs_in_steps_up_and_signs_out_by_openid_connect(at_bankid: Play) -> None:
    kari = at_bankid.browser()

    assert await by_bankid(kari) == "/api/health/live"
    assert await by_bankid(kari, STEP_UP) == "/api/health/live"
    viewer = (await kari.ask("{ viewer { name email phone sessions { edges { node { id } } } } }"))["viewer"]
    out = await kari.http.post("/auth/logout", headers=CSRF)
    again = await kari.http.post("/auth/logout", headers=CSRF)

    assert (viewer["name"], viewer["email"], len(nodes(viewer["sessions"]))) == ("Kari Nordmann", "kari@example.no", 1)
    assert out.status_code == 200
    query = query_of(out.json()["endSessionUrl"])
    assert (query["post_logout_redirect_uri"], query["client_id"]) == (f"{BASE}/sandbox/", "drop")
    assert urlsplit(out.json()["endSessionUrl"]).path.endswith("/protocol/openid-connect/logout")
    assert again.status_code == 204
    assert (await kari.ask("{ viewer { name } }"))["viewer"] is None


async def test_a_login_that_is_cancelled_or_answered_by_another_gives_no_session(at_bankid: Play) -> None:
    kari = at_bankid.browser()
    assert await by_bankid(kari, who="cancel") == "/api/health/live?error=access_denied"

    await by_bankid(kari)
    assert await by_bankid(kari, STEP_UP, who="nameless") == "/api/health/live?error=access_denied"
    assert (await kari.ask("{ viewer { name } }"))["viewer"]["name"] == "Kari Nordmann"
