"""BankID, the sole login: browsers by cookie, apps by tokens."""

import base64
import hashlib
import html
import re
from typing import Any

import httpx
import pytest

from tests.builders.gateway import BASE, Play, Player, nodes, query_of

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
APP = "client=mobile&redirect_uri=drop://auth&state=app-state"
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "en-GB"}
WEB_AND_APP = [f"{APP}&code_challenge={CHALLENGE}", "return_to=/api/health/live?page=3&state=app-state"]
VIEWER = "{ viewer { id name sessions { edges { node { id client isCurrent } } } } }"


async def app_code(player: Player, persona: str = "kari") -> str:
    """The one-time code that the app link carries."""
    response = await player.http.get(f"/auth/bankid/login?{APP}&code_challenge={CHALLENGE}&persona={persona}")
    while not response.headers["location"].startswith("drop://"):
        response = await player.http.get(response.headers["location"])
    query = query_of(response.headers["location"])
    assert query["state"] == "app-state"
    return query["code"]


async def token(player: Player, **form: str) -> httpx.Response:
    return await player.http.post("/auth/token", data=form)


async def app_tokens(player: Player) -> dict[str, str]:
    code = await app_code(player)
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


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"code": "another"},
        {"error": "access_denied"},
    ],
)
async def test_a_tampered_callback_signs_nobody_in_and_answers_json_with_json(
    play: Play, change: dict[str, str]
) -> None:
    someone = play.browser(accept="application/json")
    response = await someone.http.get("/auth/bankid/login?persona=kari&return_to=/")
    response = await someone.http.get(response.headers["location"])
    query = query_of(response.headers["location"]) | change

    refused = await someone.http.get("/auth/bankid/callback", params=query)

    assert refused.status_code == 400
    assert refused.json()["code"] == "LOGIN_FAILED"
    assert await someone.ask(VIEWER) == {"viewer": None}


@pytest.mark.parametrize("begun", WEB_AND_APP)
async def test_a_callback_in_another_browser_signs_nobody_in_and_can_start_the_same_login(
    play: Play, begun: str
) -> None:
    victim, attacker = play.browser(), play.browser()
    response = await attacker.http.get(f"/auth/bankid/login?persona=kari&step_up=true&{begun}")
    response = await attacker.http.get(response.headers["location"])

    refused = await victim.http.get(response.headers["location"], headers=HTML)

    assert refused.status_code == 400
    assert "another browser" in refused.text
    assert "<main>" in refused.text
    again = re.search(r'href="(/auth/bankid/login[^"]*)">Start again', refused.text)
    assert again is not None
    kept = {name: value for name, value in query_of(html.unescape(again[1])).items() if name != "client"}
    assert kept == {name: value for name, value in query_of(f"?{begun}&step_up=true").items() if name != "client"}
    assert await victim.ask(VIEWER) == {"viewer": None}


@pytest.mark.parametrize("begun", WEB_AND_APP)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "temporarily_unavailable"}, "temporarily_unavailable"),
        ({"error": "invalid_scope"}, "server_error"),
        ({"error": "<script>"}, "access_denied"),
        ({"code": "another"}, "access_denied"),
    ],
)
async def test_a_login_that_fails_returns_to_where_it_came_from(
    play: Play, begun: str, answer: dict[str, str], error: str
) -> None:
    someone = play.browser(**HTML)
    response = await someone.http.get(f"/auth/bankid/login?persona=kari&{begun}")
    response = await someone.http.get(response.headers["location"])

    back = await someone.http.get("/auth/bankid/callback", params=query_of(response.headers["location"]) | answer)

    target = query_of(f"?{begun}").get("redirect_uri", "/api/health/live?page=3")
    assert back.status_code == 303
    assert back.headers["location"].startswith(target)
    query = query_of(back.headers["location"])
    assert (query["error"], query["state"]) == (error, "app-state")
    assert await someone.ask(VIEWER) == {"viewer": None}


async def test_cancelling_at_bankid_returns_to_the_app(play: Play) -> None:
    someone = play.browser()
    page = await someone.browse(f"/auth/bankid/login?{APP}&code_challenge={CHALLENGE}")
    back = await someone.http.post(str(page.url), data={"who": "cancel"})

    back = await someone.http.get(back.headers["location"])

    assert back.headers["location"] == "drop://auth?error=access_denied&state=app-state"


async def test_the_error_of_an_earlier_login_gives_way_to_the_new_one(play: Play) -> None:
    someone = play.browser()
    page = await someone.browse("/auth/bankid/login?return_to=/done%3Ferror=server_error%26a=1&state=new")
    back = await someone.http.post(str(page.url), data={"who": "cancel"})

    back = await someone.http.get(back.headers["location"])

    assert back.headers["location"] == "/done?a=1&error=access_denied&state=new"


async def test_a_login_that_succeeds_leads_back_without_the_error_of_an_earlier_one(play: Play) -> None:
    someone = play.browser()
    app = "client=mobile&state=new&redirect_uri=drop://auth%3Fa=1%26error=access_denied%26code=old%26state=old"
    web = "return_to=/done%3Ferror=access_denied%26a=1%23top"
    places = []
    for begun in (web, "return_to=/done%3Ferror=server_error", f"{app}&code_challenge={CHALLENGE}"):
        response = await someone.http.get(f"/auth/bankid/login?persona=kari&{begun}")
        response = await someone.http.get(response.headers["location"])
        places += [(await someone.http.get(response.headers["location"])).headers["location"]]

    assert places[:2] == ["/done?a=1#top", "/done"]
    assert places[2].startswith("drop://auth?a=1&code=")
    assert places[2].endswith("&state=new")
    assert "old" not in places[2]
    assert "error" not in places[2]


async def test_a_callback_works_once_and_leads_on_whoever_comes_back_to_it(play: Play) -> None:
    someone = play.browser()
    response = await someone.http.get("/auth/bankid/login?persona=kari&return_to=/api/health/live")
    response = await someone.http.get(response.headers["location"])
    first = await someone.http.get(response.headers["location"])
    second = await someone.http.get(response.headers["location"])
    await someone.http.post("/auth/logout", headers={"x-drop-csrf": "1"})
    third = await someone.http.get(response.headers["location"])

    assert [first.status_code, second.status_code, third.status_code] == [303, 303, 303]
    assert first.headers["location"] == second.headers["location"] == "/api/health/live"
    assert "set-cookie" not in second.headers
    assert third.headers["location"] == "/api/health/live?error=access_denied"
    assert await someone.ask(VIEWER) == {"viewer": None}


async def test_an_apps_callback_that_is_opened_again_leads_back_to_the_app(play: Play) -> None:
    someone = play.browser()
    response = await someone.http.get(f"/auth/bankid/login?{APP}&code_challenge={CHALLENGE}&persona=kari")
    response = await someone.http.get(response.headers["location"])
    first = await someone.http.get(response.headers["location"])
    again = await someone.http.get(response.headers["location"], headers=HTML)
    program = await someone.http.get(response.headers["location"], headers={"accept": "application/json"})

    assert "code" in query_of(first.headers["location"])
    assert again.status_code == 200
    assert 'href="drop://auth">Back to the app' in again.text
    assert (program.status_code, program.json()["code"]) == (400, "LOGIN_FAILED")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere", 404), ("/auth/bankid/callback", 400), ("/api/openbanking/callback?state=x", 404)],
)
async def test_a_person_gets_a_page_with_a_way_back_and_a_program_json(play: Play, path: str, status: int) -> None:
    page = await play.browser(**HTML).http.get(path)
    problem = await play.browser(accept="application/json").http.get(path)

    assert (page.status_code, problem.status_code) == (status, status)
    assert page.headers["content-type"].startswith("text/html")
    assert "<main>" in page.text
    assert 'href="/sandbox/">Back to Drop' in page.text
    assert problem.headers["content-type"] == "application/problem+json"


async def test_a_page_is_in_the_readers_language(play: Play) -> None:
    page = await play.browser(accept="text/html").http.get("/auth/bankid/callback?state=unknown")

    assert page.headers["content-language"] == "nb-NO"
    assert '<html lang="nb-NO">' in page.text
    assert "Vi kjenner ikke denne innloggingen" in page.text
    assert 'href="/sandbox/">Tilbake til Drop' in page.text


async def test_what_the_sandbox_does_not_have_is_a_page_of_its_own(play: Play) -> None:
    page = await play.browser(**HTML).http.get("/sandbox/nowhere")

    assert page.status_code == 404
    assert 'href="/sandbox/"' in page.text


async def test_two_tabs_may_sign_in(play: Play) -> None:
    someone = play.browser()
    one = await someone.http.get("/auth/bankid/login?persona=kari&return_to=/api/health/live")
    two = await someone.http.get("/auth/bankid/login?persona=kari&return_to=/api/health/live")

    assert (await someone.browse(one.headers["location"])).status_code == 200
    assert (await someone.browse(two.headers["location"])).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "javascript:alert(1)"])
async def test_a_login_returns_to_nobody_elses_address(play: Play, target: str) -> None:
    response = await play.browser().http.get("/auth/bankid/login", params={"return_to": target})

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["field"] == ["return_to"]


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


async def test_a_refresh_token_used_twice_in_a_race_is_forgiven_and_later_ends_the_session(play: Play) -> None:
    someone = play.browser()
    first = await app_tokens(someone)
    second = (await token(someone, grant_type="refresh_token", refresh_token=first["refresh_token"])).json()
    raced = await token(someone, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert raced.json()["error"] == "invalid_grant"
    assert (await bearer(play, second["access_token"]).ask(VIEWER))["viewer"] is not None

    third = (await token(someone, grant_type="refresh_token", refresh_token=second["refresh_token"])).json()
    stolen = await token(someone, grant_type="refresh_token", refresh_token=first["refresh_token"])

    assert stolen.json()["error"] == "invalid_grant"
    assert (await bearer(play, third["access_token"]).post(VIEWER)).status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x", "code_verifier": "y"}, "invalid_grant"),
    ],
)
async def test_a_wrong_token_request_says_what_is_wrong(play: Play, form: dict[str, str], error: str) -> None:
    response = await play.browser().http.post(
        "/auth/token",
        content="&".join(f"{k}={v}" for k, v in form.items()),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    assert (response.status_code, response.json()["error"]) == (400, error)


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
