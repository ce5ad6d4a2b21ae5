"""What every answer tells a browser: what it may load, keep and send, and nothing of the server."""

from gateway.settings.settings import settings_class
from routes.content_policy import content_policies
from tests.builders.gateway import Play


async def test_pages_load_call_and_send_forms_to_ourselves_and_nothing_is_kept(play: Play) -> None:
    kari = await play.person()
    paths = ("/graphql", "/sandbox/", "/auth/nowhere", "/api/health/live")
    answers = {path: await kari.http.get(path, headers={"accept": "text/html"}) for path in paths}
    out = await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})

    policies = {path: answer.headers["content-security-policy"] for path, answer in answers.items()}
    assert ["'unsafe-inline'" in policy for policy in policies.values()] == [True, True, False, False]
    assert "connect-src 'self' ws://localhost:* ws://127.0.0.1:*; form-action 'self'" in policies["/graphql"]
    assert "form-action 'self' http://localhost:8000" in policies["/sandbox/"]
    assert policies["/sandbox/"].endswith(" drop:")
    assert policies["/auth/nowhere"].endswith("connect-src 'self'; form-action 'self'")
    assert {answer.headers["cross-origin-resource-policy"] for answer in answers.values()} == {"same-origin"}
    assert all(answer.headers["cache-control"] in ("no-store", "no-cache") for answer in answers.values())
    assert out.headers["clear-site-data"] == '"cache", "storage"'


def test_where_it_is_live_graphiql_calls_its_own_host_alone() -> None:
    assert "connect-src 'self' wss://api.drop.no;" in content_policies("https://api.drop.no", ()).graphiql


def test_no_setting_opens_the_policy_of_pages() -> None:
    assert "unsafe" not in content_policies(settings_class()(_env_file=None).public_url, ("https://a.no",)).pages
