"""What no client of ours sends is refused in clear words on every transport, and is no fault of ours."""

import json
import logging
from collections.abc import Iterator

import pytest

from routes.graphql.messages import MAX_BYTES
from tests.builders.gateway import Play
from tests.builders.sockets import opened, socket_of

NODE = "query($id: ID!) { node(id: $id) { id } }"
DEEP = "[" * 20_000


@pytest.fixture(autouse=True)
def nothing_is_ours(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "5",
        "null",
        '"a"',
        "{",
        DEEP,
        '{"type": 5}',
        '{"id": "1"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        '{"type": "complete", "id": ["1"]}',
        '{"type": "ping", "payload": ' + "[" * 90 + "]" * 90 + "}",
        '{"type": "ping", "payload": {"n": ' + "9" * 5_000 + "}}",
        '{"type": "connection_init", "payload": {"authorization": "Bearer \\ud800"}}',
        '{"type": "ping", "payload": "' + "x" * MAX_BYTES + '"}',
    ],
)
async def test_what_is_no_message_closes_the_socket(play: Play, text: str) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.to_app.put({"type": "websocket.receive", "text": text})
        closed = await socket.receive()

    assert (closed["type"], closed["code"]) == ("websocket.close", 4400)
    assert closed["reason"]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ("[]", None),
        ('{"query": 5}', ["query"]),
        ('{"query": "{ __typename }", "variables": []}', ["variables"]),
        ('{"query": "{ __typename }", "operationName": 5}', ["operationName"]),
        ('{"query": "{ __typename }", "extensions": 5}', ["extensions"]),
        ('{"query": "{ a: \\ud800 }"}', ["query"]),
        (json.dumps({"query": NODE, "variables": {"id": "pay_\0"}}), ["id"]),
        ('{"query": "{ __typename }", "variables": {"a": {"b": ["x", "\\ud800"]}}}', ["a", "b", "1"]),
    ],
)
async def test_an_operation_that_cannot_be_is_answered_on_every_transport(
    play: Play, payload: str, field: list[str] | None
) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        text = '{"type": "subscribe", "id": "1", "payload": ' + payload + "}"
        await socket.to_app.put({"type": "websocket.receive", "text": text})
        refused = await socket.receive()
        await socket.subscribe("{ __typename }", "2")
        answered = await socket.receive()
    posted = await play.browser().http.post("/graphql", content=payload, headers={"content-type": "application/json"})

    assert (refused["type"], refused["id"], answered["type"]) == ("error", "1", "next")
    for error in (*refused["payload"], *posted.json()["errors"]):
        assert (error["extensions"]["code"], error["extensions"].get("field")) == ("BAD_USER_INPUT", field)
    assert posted.status_code == 400


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ('{ node(id: "pay_\\u0000") { id } }', {}),
        ("{ node(id: " + "9" * 5_000 + ") { id } }", {}),
        (NODE, {"id": "x" * 5_000}),
        ("query($first: Int) { viewer { payments(first: $first) { edges { cursor } } } }", {"first": 10**30}),
        ("query($a: DateTime) { __typename @include(if: $a) }", {"a": "0001-01-01T00:00:00+14:00"}),
        ('{ viewer { payments(after: "\\u0000") { edges { cursor } } } }', {}),
    ],
)
async def test_a_value_that_cannot_be_is_the_clients_fault(
    play: Play, document: str, variables: dict[str, object]
) -> None:
    answer = (await play.browser().http.post("/graphql", json={"query": document, "variables": variables})).json()

    codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
    assert codes <= {"BAD_USER_INPUT"}


@pytest.mark.parametrize("body", [DEEP, '{"query": ' + "9" * 5_000 + "}", '"' + "\\u0000" * 10 + '"'])
async def test_a_body_that_is_no_request_is_refused(play: Play, body: str) -> None:
    answered = await play.browser().http.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert answered.status_code == 400
    assert answered.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
