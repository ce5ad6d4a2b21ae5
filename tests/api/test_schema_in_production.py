"""In production the schema is for operators alone; elsewhere anybody may ask for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.test_production import production
from tests.builders.gateway import Play, playing
from tests.builders.own_secrets import OPERATOR_TOKEN
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

SCHEMA = "{ __schema { queryType { name } } }"
ROOT = Path(__file__).parents[2]
TOKEN = {"x-drop-operator": OPERATOR_TOKEN}


@pytest.fixture
async def live(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, **production()) as play:
        yield play


@pytest.mark.parametrize(
    "document", [SCHEMA, '{ __type(name: "User") { name } }', "{ ...A } fragment A on Query " + SCHEMA]
)
async def test_introspection_is_for_operators(live: Play, document: str) -> None:
    http = live.browser().http

    refused = (await http.post("/graphql", json={"query": document})).json()
    answered = (await http.post("/graphql", json={"query": document}, headers=TOKEN)).json()
    again = (await http.post("/graphql", json={"query": document})).json()

    assert [error["extensions"]["code"] for error in refused["errors"]] == ["FORBIDDEN"]
    assert "errors" not in answered
    assert again == refused


async def test_the_type_of_an_object_is_no_secret(live: Play) -> None:
    assert (await live.browser().ask("{ __typename }")) == {"__typename": "Query"}


async def test_suggestions_are_for_operators(live: Play, play: Play) -> None:
    query = "{ viewr { id } }"

    (told,) = [(await live.browser().post(query)).json()["errors"][0]["message"]]
    by_token = (await live.browser(**TOKEN).post(query)).json()["errors"][0]["message"]
    elsewhere = (await play.browser().post(query)).json()["errors"][0]["message"]

    assert "Did you mean" not in told
    assert "Did you mean" in by_token
    assert by_token == elsewhere


async def test_a_socket_is_told_no_more(live: Play) -> None:
    async with socket_of(live, origin="https://app.drop.example") as socket:
        await opened(socket)
        await socket.subscribe(SCHEMA)
        refused = await socket.receive()

    assert [error["extensions"]["code"] for error in refused["payload"]] == ["FORBIDDEN"]


async def test_graphiql_and_the_side_routes_description_are_for_operators(live: Play) -> None:
    http, html = live.browser().http, {"accept": "text/html"}

    hidden = [
        await http.get("/graphql", headers=html),
        await http.get("/graphiql/index.html"),
        await http.get("/openapi.json"),
        await http.get("/openapi.json", headers={"authorization": "Bearer wrong"}),
        await http.get("/schema.graphql"),
        await http.get("/schema.graphql", headers={"authorization": "Bearer wrong"}),
    ]
    shown = [
        await http.get("/graphql", headers={**html, **TOKEN}),
        await http.get("/graphiql/index.html", headers=TOKEN),
        await http.get("/openapi.json", headers={"authorization": f"Bearer {OPERATOR_TOKEN}"}),
        await http.get("/schema.graphql", headers={"authorization": f"Bearer {OPERATOR_TOKEN}"}),
    ]

    assert [answer.status_code for answer in hidden] == [404, 404, 401, 401, 401, 401]
    assert [answer.status_code for answer in shown] == [200, 200, 200, 200]


async def test_elsewhere_anybody_may_fetch_the_schema_and_keep_it(play: Play) -> None:
    http = play.browser().http

    first = await http.get("/schema.graphql")
    tag = first.headers["etag"]
    again = [
        await http.get("/schema.graphql", headers={"if-none-match": known}) for known in (tag, f'"other", W/{tag}', "*")
    ]
    changed = await http.get("/schema.graphql", headers={"if-none-match": '"other"'})

    assert first.text == (ROOT / "schema" / "schema.graphql").read_text()
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert first.headers["cache-control"] == "private, no-cache"
    assert [(answer.status_code, answer.text, answer.headers["etag"]) for answer in again] == [(304, "", tag)] * 3
    assert (changed.status_code, changed.text) == (200, first.text)


async def test_a_wrong_token_is_refused_and_guessing_is_limited(database_url: str, tmp_path: Path) -> None:
    body = {"query": SCHEMA}

    async with playing(database_url, tmp_path, NOON, **production(limit_operator_guesses=3)) as live:
        http = live.browser().http
        answers = [await http.post("/graphql", json=body, headers={"x-drop-operator": f"try {n}"}) for n in range(5)]
        right = await http.post("/graphql", json=body, headers=TOKEN)

    assert answers[0].status_code == 401
    assert answers[-1].status_code == right.status_code == 429


async def test_apollos_automatic_persisted_queries_are_told_that_they_are_off(play: Play) -> None:
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    http = play.browser().http

    by_hash = await http.post("/graphql", json={"extensions": persisted})
    by_both = await http.post("/graphql", json={"query": "{ __typename }", "extensions": persisted})
    got = await http.get("/graphql", params={"extensions": '{"persistedQuery": {"version": 1}}'})
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.send(id="1", type="subscribe", payload={"extensions": persisted})
        refused = await socket.receive()

    for answer in (by_hash, by_both, got):
        (error,) = answer.json()["errors"]
        assert answer.status_code == 200
        assert (error["message"], error["extensions"]["code"]) == (
            "PersistedQueryNotSupported",
            "PERSISTED_QUERY_NOT_SUPPORTED",
        )
    assert refused["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"
