"""Fields of one name are told apart as the specification wants it, without being compared in pairs."""

from functools import partial

import pytest
from graphql import build_schema, parse, validate
from graphql.validation import OverlappingFieldsCanBeMergedRule
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routes.graphql import merging
from routes.graphql.merging import conflicts
from tests.builders.gateway import Play
from tests.builders.lines_run import lines_run

SCHEMA = build_schema("""
  interface Pet { name(up: Boolean, of: [Int]): String friend: Pet }
  type Dog implements Pet { name(up: Boolean, of: [Int]): String friend: Pet age: Int! dogs: [Dog] best: Dog }
  type Cat implements Pet { name(up: Boolean, of: [Int]): String friend: Pet age: String dogs: [Dog]! best: Cat }
  type Query { pet: Pet dog: Dog cat: Cat }
""")


def _selections(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    aliases = st.sampled_from(["", "", "", "a: ", "b: "])
    leaves = st.sampled_from(["name", "name(up: true)", "name(of: [1, 2])", "age", "__typename"])
    nested = st.builds(
        "{} {{ {} }}".format, st.sampled_from(["friend", "dogs", "best", "... on Dog", "... on Cat"]), inner
    )
    spread = st.sampled_from(["...OnPet", "...OnDog", "...OnCat"])
    aliased = st.builds(
        lambda alias, field: field if field.startswith("...") else alias + field, aliases, leaves | nested
    )
    return st.lists(aliased | spread, min_size=1, max_size=4).map(" ".join)


SELECTIONS = st.recursive(st.sampled_from(["name", "a: name", "a: age", "name(up: true)"]), _selections, max_leaves=12)
DOCUMENTS = st.builds(
    "{{ pet {{ {} }} x: dog {{ {} }} }} fragment OnPet on Pet {{ {} }} fragment OnDog on Dog {{ {} }} "
    "fragment OnCat on Cat {{ {} }}".format,
    *[SELECTIONS] * 2,
    *[st.sampled_from(["name", "a: name", "a: age", "b: friend { name }", "dogs { a: age }", "best { name }"])] * 3,
)


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_document_is_in_conflict_where_graphql_core_says_so(text: str) -> None:
    document = parse(text)

    assert bool(conflicts(SCHEMA, document)) == bool(validate(SCHEMA, document, [OverlappingFieldsCanBeMergedRule]))


def test_a_type_name_beside_a_field_of_another_object_is_no_conflict() -> None:
    assert conflicts(SCHEMA, parse("{ pet { ... on Cat { a: name } ... on Dog { a: __typename } } }")) == []


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{ dog { a: name a: age } }", "they are different fields"),
        ("{ dog { name name(up: true) } }", "their arguments differ"),
        ("{ pet { ... on Dog { age } ... on Cat { age } } }", "their types are Int! and String"),
        (
            "{ pet { ... on Dog { dogs { id: name } } ... on Cat { dogs { id: age } } } }",
            "their types are [Dog] and [Dog]!",
        ),
        ("query A { dog { name } } query B { dog { best { a: name } } dog { best { a: age } } }", "different fields"),
    ],
)
def test_a_conflict_names_the_field_and_why(document: str, says: str) -> None:
    (error,) = conflicts(SCHEMA, parse(document))

    assert says in error.message
    assert error.nodes is not None
    assert len(error.nodes) == 2


async def test_a_conflict_is_the_clients_fault(play: Play) -> None:
    answer = (
        await play.browser().http.post("/graphql", json={"query": "{ a: features { id } a: plans { id } }"})
    ).json()

    assert "BAD_USER_INPUT" in [error["extensions"]["code"] for error in answer["errors"]]
    assert any("Fields 'a' conflict" in error["message"] for error in answer["errors"])


def test_equal_siblings_cost_no_more_than_others() -> None:
    few, many = (parse("{" + "dog { best { name } } " * count + "}") for count in (70, 280))

    assert (conflicts(SCHEMA, few), conflicts(SCHEMA, many)) == ([], [])
    of_few, of_many = (lines_run(merging, partial(conflicts, SCHEMA, document)) for document in (few, many))
    assert of_many < 4.2 * of_few
