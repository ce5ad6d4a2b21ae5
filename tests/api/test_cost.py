"""What an operation costs is told before it is executed, from the schema's own directives."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_leaf_type,
)
from prometheus_client import REGISTRY

from tests.builders.gateway import Play, playing
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

ROOT = Path(__file__).parents[2]
SDL = build_schema((ROOT / "schema" / "schema.graphql").read_text())


def _queries() -> Iterator[tuple[str, tuple[str, Any]]]:
    for path in sorted((ROOT / "graphiql" / "examples").glob("*.graphql")):
        document, given = path.read_text(), path.with_suffix(".json")
        if document.lstrip().startswith(("query", "{", "#")) and "mutation " not in document:
            yield path.stem, (document, json.loads(given.read_text()) if given.exists() else {})


EXAMPLES = dict(_queries())
# A customer's 120 bytes: each of the accounts of each link, with its link, with its accounts.
IN_CIRCLES = "{ viewer { bankLinks { edges { node { accounts { bankLink { accounts { id } } } } } } } }"
PAYMENTS = "query($first: Int = 7) { viewer { payments(first: $first) { edges { node { amount { currency } } } } } }"


async def cost_of(play: Play, query: str, **variables: Any) -> int:
    body = {"query": query, "variables": variables, "extensions": {"cost": True}}
    answer = (await play.browser().http.post("/graphql", json=body)).json()
    assert answer["extensions"]["cost"]["limit"] == 10_000
    return int(answer["extensions"]["cost"]["asked"])


def test_no_list_of_objects_is_without_a_maximum() -> None:
    open_lists = [
        f"{shown.name}.{name}"
        for shown in SDL.type_map.values()
        if isinstance(shown, GraphQLObjectType) and not shown.name.startswith("__")
        for name, field in shown.fields.items()
        if isinstance(field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type, GraphQLList)
        and not is_leaf_type(get_named_type(field.type))
        # The field that gives a connection says how long its `edges` are.
        and not (shown.name.endswith("Connection") and name == "edges")
        and not _has_size(field.ast_node)
    ]
    pages = [
        f"{shown.name}.{name}"
        for shown in SDL.type_map.values()
        if isinstance(shown, GraphQLObjectType)
        for name, field in shown.fields.items()
        if get_named_type(field.type).name.endswith("Connection") and not _has_size(field.ast_node)
    ]

    assert (open_lists, pages) == ([], [])


def _has_size(node: Any) -> bool:
    return any(directive.name.value == "listSize" for directive in node.directives or ())


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ __typename }", {}, 0),
        ("{ serviceStatus { mode } }", {}, 1),
        # The viewer and the connection, and for each of the page an edge, its payment and its amount.
        (PAYMENTS, {"first": 1}, 5),
        (PAYMENTS, {"first": 100}, 302),
        (PAYMENTS, {}, 23),
        (PAYMENTS, {"first": None}, 62),
        (PAYMENTS.replace("$first)", "100)").replace("($first: Int = 7)", ""), {}, 302),
        ("{ viewer { payments { edges { cursor } } } }", {}, 22),
        ("{ viewer { payments(last: 3) { edges { cursor } } } }", {}, 5),
        # Equal siblings and a fragment that is spread twice are one field.
        ("{ plans { id } ...A ...A } fragment A on Query { plans { id } }", {}, 20),
        ("{ a: plans { id } b: plans { id } }", {}, 40),
        # An id is of one type: the dearest counts.
        ('{ node(id: "x") { ... on Payment { amount { currency } } ... on Bank { id } id } }', {}, 2),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", "b"]}, 2),
        ("mutation { retryKyc { userErrors { code } } }", {}, 121),
    ],
)
async def test_a_cost_is_counted_by_page_size(play: Play, query: str, variables: dict[str, Any], cost: int) -> None:
    assert await cost_of(play, query, **variables) == cost


async def test_nobody_is_told_the_cost_who_did_not_ask(play: Play) -> None:
    answer = (await play.browser().http.post("/graphql", json={"query": "{ __typename }"})).json()

    assert answer == {"data": {"__typename": "Query"}}


async def test_what_costs_too_much_is_refused_and_says_how_much(play: Play) -> None:
    kari = await play.person("kari")

    answer = (await kari.http.post("/graphql", json={"query": IN_CIRCLES, "extensions": {"cost": True}})).json()
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(IN_CIRCLES)
        refused = await socket.receive()

    (error,) = answer["errors"]
    assert "data" not in answer
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert (error["extensions"]["limit"], error["extensions"]["asked"]) == (10_000, 204_042)
    assert answer["extensions"]["cost"]["asked"] == 204_042
    assert [one["extensions"]["code"] for one in refused["payload"]] == ["QUERY_TOO_COMPLEX"]


async def test_a_limit_that_is_measured_refuses_nothing_and_counts(database_url: str, tmp_path: Path) -> None:
    labels = {"field": "viewer", "mode": "measure"}
    before = REGISTRY.get_sample_value("drop_graphql_over_cost_total", labels) or 0

    async with playing(database_url, tmp_path, NOON, graphql_cost="measure") as play:
        kari = await play.person("kari")
        answer = (await kari.post(IN_CIRCLES)).json()

    assert answer["data"]["viewer"]
    assert REGISTRY.get_sample_value("drop_graphql_over_cost_total", labels) == before + 1


async def test_a_client_that_asks_over_an_event_stream_and_a_socket_is_told_the_cost(play: Play) -> None:
    payload = {"query": "{ plans { id } }", "extensions": {"cost": True}}
    stream = await play.browser(accept="text/event-stream").http.post("/graphql", json=payload)
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.send(id="1", type="subscribe", payload=payload)
        answered = await socket.receive()

    (event,) = [line for line in stream.text.splitlines() if line.startswith("data: {")]
    assert json.loads(event.removeprefix("data: "))["extensions"] == {"cost": {"asked": 20, "limit": 10_000}}
    assert answered["payload"]["extensions"] == {"cost": {"asked": 20, "limit": 10_000}}


@pytest.mark.parametrize("name", EXAMPLES)
async def test_no_example_has_more_objects_than_it_costs(play: Play, name: str) -> None:
    document, variables = EXAMPLES[name]
    kari = await play.person("kari")

    body = {"query": document, "variables": variables, "extensions": {"cost": True}}
    answer = (await kari.http.post("/graphql", json=body)).json()

    assert _objects_in(answer["data"]) - 1 <= answer["extensions"]["cost"]["asked"] <= 10_000


def _objects_in(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_objects_in, value.values()))
    return sum(map(_objects_in, value)) if isinstance(value, list) else 0
