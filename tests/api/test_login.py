"""BankID, the sole login: browsers by cookie, apps by tokens."""

import base64
import hashlib
from typing import Any

import httpx
import pytest

from tests.builders.gateway import BASE, Play, Player, nodes, query_of

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
APP = "client=mobile&redirect_uri=no.drop.app:/auth&state=app-state"
VIEWER = "{ viewer { id name sessions { edges { node { id client isCurrent } } } } }"


async def app_code(player: Player, persona: str = "kari") -> str:
    """The one-time code that the app link carries."""
    response = await player.http.get(f"/auth/bankid/login?{APP}&code_challenge={CHALLENGE}&persona={persona}")
    while not response.headers["location"].startswith("no.drop.app:/"):
        response = await player.http.get(response.headers["location"])
    query = query_of(response.headers["location"])
    assert query["state"] == "app-state"
    return query["code"]


async def token(player: Player, **form: str) -> httpx.Response:
    return await player.http.post("/auth/token", data=form)


async def app_tokens(player: Player, persona: str = "kari") -> dict[str, str]:
    code = await app_code(player, persona)
    response = await token(player, grant_type="authorization_code", code=code, code_verifier=VERIFIER)
    tokens: dict[str, str] = response.json()
    return tokens


def bearer(play: Play, access_token: str) -> Player:
    return play.browser(authorization=f"Bearer {access_token}")


async def test_the_persona_page_names_everybody_and_signs_in(play: Play) -> None:
    someone = play.browser()
    page = await someone.browse("/auth/bankid/login?return_to=/api/health/live")
    for name in ("Kari Nordmann", "Ola Hansen", "Per Olsen", "Ingrid Berg", "Lars Dahl", "Silje Lie", "Someone new"):
        assert name in page.text

    done = await someone.http.post(str(page.url), data={"who": "ingrid"}, follow_redirects=True)

    assert done.json() == {"status": "ok"}
    assert (await someone.ask(VIEWER))["viewer"]["name"] == "Ingrid Berg"


async def test_everybody_new_is_somebody_else(play: Play) -> None:
    ids = [(await (await play.person("new")).ask(VIEWER))["viewer"]["id"] for _ in range(3)]

    assert len(set(ids)) == 3


async def test_the_same_person_is_the_same_user(play: Play) -> None:
    first, second = await play.person("kari"), await play.person("kari")

    assert (await first.ask(VIEWER))["viewer"]["id"] == (await second.ask(VIEWER))["viewer"]["id"]


async def test_signed_out_there_is_no_viewer_and_no_error(play: Play) -> None:
    assert await play.browser().ask(VIEWER) == {"viewer": None}


async def test_the_cookie_is_kept_from_scripts_and_other_sites(play: Play) -> None:
    kari = await play.person()
    response = await kari.http.get("/auth/bankid/login?persona=kari&return_to=/")
    response = await kari.http.get(response.headers["location"])
    response = await kari.http.get(response.headers["location"])

    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert response.headers["cache-control"] == "no-store"


async def test_two_tabs_may_sign_in(play: Play) -> None:
    someone = play.browser()
    one = await someone.http.get("/auth/bankid/login?persona=kari&return_to=/api/health/live")
    two = await someone.http.get("/auth/bankid/login?persona=kari&return_to=/api/health/live")

    assert (await someone.browse(one.headers["location"])).status_code == 200
    assert (await someone.browse(two.headers["location"])).status_code == 200


async def test_an_app_gets_tokens_for_its_code_and_verifier(play: Play) -> None:
    tokens = await app_tokens(play.browser())

    assert tokens["token_type"] == "Bearer"
    assert int(tokens["expires_in"]) == 900
    viewer = (await bearer(play, tokens["access_token"]).ask(VIEWER))["viewer"]
    assert [session["client"] for session in nodes(viewer["sessions"])] == ["MOBILE"]


async def test_a_code_works_once_and_only_with_its_verifier(play: Play) -> None:
    someone = play.browser()
    stolen = await app_code(someone)
    wrong = await token(someone, grant_type="authorization_code", code=stolen, code_verifier="w" * 64)
    late = await token(someone, grant_type="authorization_code", code=stolen, code_verifier=VERIFIER)

    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


async def test_a_refresh_rotates_and_the_old_access_token_ends(play: Play) -> None:
    someone = play.browser()
    tokens = await app_tokens(someone)
    new = (await token(someone, grant_type="refresh_token", refresh_token=tokens["refresh_token"])).json()

    assert (await bearer(play, new["access_token"]).ask(VIEWER))["viewer"]["name"] == "Kari Nordmann"
    old = await bearer(play, tokens["access_token"]).post(VIEWER)
    assert old.status_code == 401
    assert old.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x", "code_verifier": "y" * 43}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x", "code_verifier": "y" * 42}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x", "code_verifier": "y" * 129}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x", "code_verifier": "é" * 43}, "invalid_request"),
    ],
)
async def test_a_wrong_token_request_says_what_is_wrong(play: Play, form: dict[str, str], error: str) -> None:
    response = await play.browser().http.post(
        "/auth/token",
        content="&".join(f"{k}={v}" for k, v in form.items()),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_an_apps_code_goes_to_a_registered_address_alone_letter_by_letter(play: Play) -> None:
    async def begun(redirect_uri: str) -> httpx.Response:
        query = {"client": "mobile", "redirect_uri": redirect_uri, "code_challenge": CHALLENGE}
        return await play.browser().http.get("/auth/bankid/login", params=query)

    for taken in ("no.drop.app:/auth", "http://127.0.0.1:49152/back", "http://[::1]:8/"):
        assert (await begun(taken)).status_code == 303
    for other in (
        "no.drop.app:/auth/",
        "no.drop.app:/auth?a=1",
        "NO.drop.app:/auth",
        "drop://auth",
        "/api/health/live",
        "https://127.0.0.1.evil.example/",
        "",
    ):
        refused = await begun(other)
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_RETURN_TO"), other


async def test_an_app_without_pkce_is_refused(play: Play) -> None:
    response = await play.browser().http.get(f"/auth/bankid/login?{APP}&persona=kari")

    assert response.json()["field"] == ["code_challenge"]


async def test_logout_ends_the_session_and_is_safe_to_repeat(play: Play) -> None:
    kari = await play.person()
    copy = play.browser()
    copy.http.cookies.update(kari.http.cookies)

    codes = [(await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})).status_code for _ in range(2)]

    assert codes == [204, 204]
    assert await copy.ask(VIEWER) == {"viewer": None}


async def test_a_session_can_be_ended_from_another(play: Play) -> None:
    here, there = await play.person(), await play.person()
    listed = nodes((await here.ask(VIEWER))["viewer"]["sessions"])
    other = next(session["id"] for session in listed if not session["isCurrent"])

    ended = await here.ask("mutation($id: ID!) { endSession(input: {id: $id}) { session { id endedAt } } }", id=other)

    assert ended["endSession"]["session"]["endedAt"] is not None
    assert await there.ask(VIEWER) == {"viewer": None}
    assert len(nodes((await here.ask(VIEWER))["viewer"]["sessions"])) == 1


async def test_somebody_elses_session_is_not_found(play: Play) -> None:
    kari, ola = await play.person(), await play.person("ola")
    session = nodes((await kari.ask(VIEWER))["viewer"]["sessions"])[0]["id"]

    answer = await ola.ask(
        "mutation($id: ID!) { endSession(input: {id: $id}) { userErrors { code field } } }", id=session
    )

    assert answer["endSession"]["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "id"]}]
    assert (await kari.ask(VIEWER))["viewer"] is not None


async def test_all_sessions_end_at_once(play: Play) -> None:
    here, there = await play.person(), await play.person()

    ended = await here.ask("mutation { endAllSessions { count } }")

    assert ended["endAllSessions"]["count"] == 2
    assert await there.ask(VIEWER) == {"viewer": None}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": BASE}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
async def test_another_sites_page_cannot_use_the_cookie(play: Play, headers: dict[str, str], status: int) -> None:
    kari = await play.person()
    del kari.http.headers["origin"]

    response = await kari.http.post("/graphql", json={"query": "{ viewer { name } }"}, headers=headers)

    assert response.status_code == status


async def test_a_get_with_the_cookie_needs_the_csrf_header(play: Play) -> None:
    kari = await play.person()
    query = {"query": "{ viewer { name } }"}

    without = await kari.http.get("/graphql", params=query)
    with_header = await kari.http.get("/graphql", params=query, headers={"x-drop-csrf": "1"})

    assert (without.status_code, with_header.status_code) == (403, 200)


async def test_a_moved_clock_signs_nobody_out(play: Play) -> None:
    kari = await play.person()

    await play.advance(days=200)

    assert (await kari.ask(VIEWER))["viewer"] is not None


async def test_identity_numbers_and_tokens_are_not_in_the_database_as_they_are(play: Play, database_url: str) -> None:
    kari = await play.person()
    cookie = kari.http.cookies["drop_session"]

    raw = b"".join(path.read_bytes() for path in play.gateway.settings.sandbox_path.parent.glob("drop.sqlite3*"))

    assert b"14838804048" not in raw
    assert cookie.encode() not in raw


async def test_sign_ins_come_in_pages_newest_first(play: Play) -> None:
    kari = [await play.person() for _ in range(3)][-1]
    query = """query($first: Int, $after: String, $last: Int, $before: String) { viewer {
      sessions(first: $first, after: $after, last: $last, before: $before) {
        edges { node { id isCurrent } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""

    async def page(**given: object) -> dict[str, Any]:
        found: dict[str, Any] = (await kari.ask(query, **given))["viewer"]["sessions"]
        return found

    every = await page()
    newest = await page(first=2)
    oldest = await page(first=2, after=newest["pageInfo"]["endCursor"])
    again = await page(last=2, before=oldest["pageInfo"]["startCursor"])

    assert nodes(newest) + nodes(oldest) == nodes(every)
    assert [session["isCurrent"] for session in nodes(every)] == [True, False, False]
    assert (newest["pageInfo"]["hasNextPage"], oldest["pageInfo"]["hasNextPage"]) == (True, False)
    assert nodes(again) == nodes(newest)
