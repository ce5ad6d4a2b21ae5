"""Where a login leads: back to where it came from, and to a page with a way on where it cannot."""

import html
import re

import pytest

from tests.api.test_login import APP, CHALLENGE, VIEWER
from tests.builders.gateway import Play, query_of

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "en-GB"}


WEB_AND_APP = [f"{APP}&code_challenge={CHALLENGE}", "return_to=/api/health/live?page=3&state=app-state"]


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

    assert back.headers["location"] == "no.drop.app:/auth?error=access_denied&state=app-state"


async def test_the_error_of_an_earlier_login_gives_way_to_the_new_one(play: Play) -> None:
    someone = play.browser()
    page = await someone.browse("/auth/bankid/login?return_to=/done%3Ferror=server_error%26a=1&state=new")
    back = await someone.http.post(str(page.url), data={"who": "cancel"})

    back = await someone.http.get(back.headers["location"])

    assert back.headers["location"] == "/done?a=1&error=access_denied&state=new"


async def test_a_login_that_succeeds_leads_back_without_the_error_of_an_earlier_one(play: Play) -> None:
    someone = play.browser()
    web = "return_to=/done%3Ferror=access_denied%26a=1%23top"
    places = []
    for begun in (web, "return_to=/done%3Ferror=server_error"):
        response = await someone.http.get(f"/auth/bankid/login?persona=kari&{begun}")
        response = await someone.http.get(response.headers["location"])
        places += [(await someone.http.get(response.headers["location"])).headers["location"]]

    assert places == ["/done?a=1#top", "/done"]


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
    assert 'href="no.drop.app:/auth">Back to the app' in again.text
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


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "javascript:alert(1)"])
async def test_a_login_returns_to_nobody_elses_address(play: Play, target: str) -> None:
    response = await play.browser().http.get("/auth/bankid/login", params={"return_to": target})

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["field"] == ["return_to"]
