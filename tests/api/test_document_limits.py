"""What a document may ask for is limited before any rule walks it, whatever carries it."""

import json
from typing import Any

import pytest
from anyio import fail_after
from graphql import parse

from routes.graphql import document_limits
from routes.graphql.document_limits import (
    MAX_DIRECTIVES,
    MAX_FRAGMENTS,
    MAX_LINES,
    MAX_OPERATIONS,
    MAX_SELECTIONS,
    MAX_SPREADS,
    refusal_of,
)
from tests.builders.gateway import Play
from tests.builders.lines_run import lines_run
from tests.builders.sockets import event_stream, opened, socket_of


def doubling(levels: int) -> str:
    """Each fragment spreads the next one twice: a few bytes that expand to 2 to the power of `levels` fields."""
    inner = [f"fragment F{level} on Query {{ ...F{level + 1} ...F{level + 1} }}" for level in range(levels - 1)]
    return " ".join(["{ ...F0 }", *inner, f"fragment F{levels - 1} on Query {{ __typename }}"])


def in_a_row(fragments: int, spreads: int = 0) -> str:
    """As many fragments, each used, and as many spreads in all."""
    names = [f"F{index}" for index in range(fragments)]
    used = [names[index % fragments] for index in range(max(spreads, fragments))]
    asked = " ".join(f"...{name}" for name in used)
    return f"{{ {asked} }} " + " ".join(f"fragment {name} on Query {{ __typename }}" for name in names)


CYCLE = "{ ...A } fragment A on Query { ...B } fragment B on Query { __typename ...A }"
TOO_COMPLEX = {
    "fragments that double, too many of them": doubling(60),
    "fragments that double, as many as are allowed": doubling(MAX_FRAGMENTS),
    "fragments": in_a_row(MAX_FRAGMENTS + 1),
    "spreads": in_a_row(5, MAX_SPREADS + 1),
    "a cycle": CYCLE,
    "a fragment that spreads itself": "{ ...A } fragment A on Query { __typename ...A }",
    "a cycle that nothing uses": "{ __typename } fragment A on Query { ...A }",
}
every_kind = pytest.mark.parametrize("document", TOO_COMPLEX.values(), ids=TOO_COMPLEX)


def codes_of(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


@pytest.mark.parametrize(
    ("document", "limit", "asked"),
    [
        ("{" + " ".join(f"a{n}: __typename" for n in range(60)) + "}", 50, 60),
        ("{ ...A ...A } fragment A on Query {" + " ".join(f"a{n}: __typename" for n in range(30)) + "}", 50, 60),
        ("{" + "__typename " * 5_000 + "}", 2_000, 2_001),
        ("{ viewer { " + "bankLinks { accounts { bankLink { " * 6 + "id" + " } } }" * 6 + " } }", 15, 19),
        ("{ a { ...A } } fragment A on A { " + "b { " * 15 + "c" + " }" * 15 + " }", 15, 16),
        ("{ a" * 600 + "}" * 600, 15, 16),
        (in_a_row(MAX_FRAGMENTS + 1), MAX_FRAGMENTS, MAX_FRAGMENTS + 1),
        (in_a_row(5, MAX_SPREADS + 1), MAX_SPREADS, MAX_SPREADS + 1),
        (doubling(MAX_FRAGMENTS), MAX_SELECTIONS, 2**31 - 1),
        ("{ viewer { " + "id " * 1_000 + "} }", MAX_SELECTIONS, 1_001),
        (
            "{ " + "...A " * 51 + "} fragment A on Query { __typename @skip(if: false) @include(if: true) }",
            MAX_DIRECTIVES,
            102,
        ),
        (" ".join(f"query Q{n} {{ __typename }}" for n in range(21)), MAX_OPERATIONS, 21),
        ("{ __typename }" + "\n" * MAX_LINES + "#", MAX_LINES, MAX_LINES + 1),
        ("{ __schema { types { " + "ofType { " * 40 + "name" + " }" * 40 + " } } }", 15, 26),
    ],
)
async def test_a_refusal_says_the_limit_and_what_was_asked(play: Play, document: str, limit: int, asked: int) -> None:
    answer = (await play.browser().http.post("/graphql", json={"query": document})).json()

    (error,) = answer["errors"]
    told = {name: error["extensions"][name] for name in ("code", "limit", "asked")}
    assert told == {"code": "QUERY_TOO_COMPLEX", "limit": limit, "asked": asked}
    assert str(limit) in error["message"]


async def test_introspection_is_as_deep_as_tools_ask(play: Play) -> None:
    deep = "{ __schema { types { fields { type { " + "ofType { " * 15 + "name" + " }" * 15 + " } } } } }"

    answer = (await play.browser().http.post("/graphql", json={"query": deep})).json()

    assert "errors" not in answer


@every_kind
async def test_a_document_too_complex_is_refused_over_http(play: Play, document: str) -> None:
    http = play.browser().http

    posted = (await http.post("/graphql", json={"query": document})).json()
    asked = (await http.get("/graphql", params={"query": document})).json()

    assert (codes_of(posted), codes_of(asked)) == (["QUERY_TOO_COMPLEX"], ["QUERY_TOO_COMPLEX"])
    assert "data" not in posted


@every_kind
async def test_a_document_too_complex_is_refused_over_a_socket_which_goes_on(play: Play, document: str) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.subscribe(document)
        refused = await socket.receive()
        await socket.subscribe("{ __typename }", "2")
        answered = await socket.receive()

    assert (refused["type"], [error["extensions"]["code"] for error in refused["payload"]]) == (
        "error",
        ["QUERY_TOO_COMPLEX"],
    )
    assert answered["payload"] == {"data": {"__typename": "Query"}}


async def test_a_document_too_complex_is_refused_over_an_event_stream(play: Play) -> None:
    with fail_after(10):
        async with event_stream(play, play.browser(), doubling(MAX_FRAGMENTS)) as lines:
            answers = [json.loads(line.removeprefix("data: ")) async for line in lines if line.startswith("data: ")]

    assert [codes_of(answer) for answer in answers if answer] == [["QUERY_TOO_COMPLEX"]]


@pytest.mark.parametrize(
    "document",
    [
        in_a_row(MAX_FRAGMENTS),
        in_a_row(1, MAX_SPREADS),
        doubling(9),
        "{ ...A ...B } fragment A on Query { ...C } fragment B on Query { ...C } fragment C on Query { __typename }",
    ],
)
async def test_a_document_within_the_limits_is_answered(play: Play, document: str) -> None:
    answer = (await play.browser().http.post("/graphql", json={"query": document})).json()

    assert answer == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "document",
    [
        "{ __typename ...Missing }",
        "{ ...A } fragment A on Query { __typename } fragment A on Query { __typename }",
        "{ " + "__typename " * 2_000 + "}",
        "{ a" * 600 + "}" * 600,
        '{ node(id: "' + "[" * 50_000 + '") { id } }',
        "{ node(id: " + "[" * 900 + "]" * 900 + ") { id } }",
    ],
)
async def test_a_document_that_cannot_be_is_the_clients_fault(play: Play, document: str) -> None:
    answer = (await play.browser().http.post("/graphql", json={"query": document})).json()

    assert "INTERNAL" not in codes_of(answer) if "errors" in answer else answer == {"data": {"node": None}}


@pytest.mark.parametrize("document", ["{", "{ " + "__typename " * 2_000 + "}", "{ a" * 600 + "}" * 600])
async def test_a_document_that_is_not_parsed_to_its_end_closes_no_socket(play: Play, document: str) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.subscribe(document)
        refused = await socket.receive()
        await socket.subscribe("{ __typename }", "2")
        answered = await socket.receive()

    assert (refused["type"], answered["type"]) == ("error", "next")


def test_fragments_count_by_what_they_expand_to() -> None:
    fields = " ".join(["__typename"] * 100)
    used = "{ " + "...A " * 10 + "} fragment A on Query { " + fields + " }"

    unused = doubling(MAX_FRAGMENTS).replace("{ ...F0 }", "{ __typename }")

    assert refusal_of(parse(used)) is not None  # 10 spreads, and 10 times 100 fields
    assert refusal_of(parse(used.replace("...A " * 10, "...A " * 9))) is None
    assert refusal_of(parse(unused)) is not None
    assert 9 * 101 <= MAX_SELECTIONS < 10 * 101


def test_the_analysis_is_linear_in_the_document() -> None:
    small, large = parse(doubling(MAX_FRAGMENTS // 2)), parse(doubling(MAX_FRAGMENTS))
    short, long = parse("{ a { b } c " * 75 + "d" + "}" * 75), parse("{ a { b } c " * 150 + "d" + "}" * 150)

    doubled = lines_run(document_limits, lambda: refusal_of(large)) / lines_run(
        document_limits, lambda: refusal_of(small)
    )
    deepened = lines_run(document_limits, lambda: refusal_of(long)) / lines_run(
        document_limits, lambda: refusal_of(short)
    )

    assert max(doubled, deepened) < 2.2
