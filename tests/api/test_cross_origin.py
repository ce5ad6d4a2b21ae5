"""Front ends of another origin: any of the developer's machine in mock mode, elsewhere those that are listed."""

import pytest

from gateway.settings.settings import settings_class
from tests.api.test_production import production
from tests.builders.gateway import Play

VITE = "http://localhost:5173"
STRANGE = "https://evil.example"
SENT = "content-type, x-drop-csrf, traceparent, sentry-trace, baggage, apollographql-client-name, x-request-id"


@pytest.mark.parametrize("origin", [VITE, "http://127.0.0.1:3000", "https://localhost", "http://[::1]:4000"])
async def test_a_front_end_of_the_developers_machine_may_ask_and_read(play: Play, origin: str) -> None:
    http = play.browser().http
    preflight = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": SENT}

    asked = await http.options("/graphql", headers=preflight)
    answer = await http.post("/graphql", json={"query": "{ __typename }"}, headers={"origin": origin})

    assert asked.status_code == 200
    assert asked.headers["access-control-allow-credentials"] == "true"
    assert {asked.headers["access-control-allow-origin"], answer.headers["access-control-allow-origin"]} == {origin}
    assert {"Retry-After", "X-Request-Id"} <= set(answer.headers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize("origin", [STRANGE, "http://localhost.evil.example:5173", "http://localhost:evil", "null"])
async def test_a_strange_origin_is_told_which_setting_would_allow_it(play: Play, origin: str) -> None:
    kari = await play.person()

    answer = await kari.http.post("/graphql", json={"query": "{ __typename }"}, headers={"origin": origin})
    plain = await kari.http.post("/graphql", content="{}", headers={"content-type": "text/plain"})

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (403, "FORBIDDEN")
    assert "ALLOWED_ORIGINS" in error["message"]
    assert "access-control-allow-origin" not in answer.headers
    assert "x-drop-csrf" in plain.json()["errors"][0]["message"]


async def test_the_way_back_may_lead_to_a_front_end_of_the_developers_machine(play: Play) -> None:
    http = play.browser().http

    to_vite = await http.get("/auth/bankid/login", params={"return_to": f"{VITE}/home"}, follow_redirects=False)
    away = await http.get("/auth/bankid/login", params={"return_to": f"{STRANGE}/home"}, follow_redirects=False)

    assert (to_vite.status_code, away.status_code) == (303, 400)
    assert "ALLOWED_ORIGINS" in away.json()["detail"]


async def test_a_batch_is_told_that_there_is_none(play: Play) -> None:
    answer = await play.browser().http.post("/graphql", json=[{"query": "{ __typename }"}])

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    assert "Batching is not supported" in error["message"]


def test_beside_a_real_vendor_only_listed_origins_are_front_ends() -> None:
    one_real = settings_class()(_env_file=None, sms_provider="twilio")
    real = settings_class()(_env_file=None, **production())

    assert VITE not in one_real.front_ends
    assert real.front_ends == ("https://app.drop.example",)
