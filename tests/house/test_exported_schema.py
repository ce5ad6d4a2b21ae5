"""The exported schema as clients' tools read it."""

import re
from collections.abc import Iterator
from pathlib import Path

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, build_schema
from graphql.type import is_introspection_type, is_specified_scalar_type

from gateway.commands.schema_check import LAST_DAY, deprecations

ROOT = Path(__file__).parents[2]
SDL = (ROOT / "schema" / "schema.graphql").read_text()
LEAST_WORDS = 4
A_DEPRECATION = re.compile(rf"^Use \S.*\. {LAST_DAY.pattern}")


def described() -> Iterator[tuple[str, str]]:
    """Each type, field, argument and enum value by name, with its description."""
    for name, kind in build_schema(SDL).type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        yield name, kind.description or ""
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", known.description or "") for value, known in kind.values.items())
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, shown in kind.fields.items():
                yield f"{name}.{field}", shown.description or ""
                yield from ((f"{name}.{field}.{arg}", known.description or "") for arg, known in shown.args.items())
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", known.description or "") for field, known in kind.fields.items())


def words_of(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", text)]


def says_something(name: str, description: str) -> bool:
    """Whether a description has four words at least, and more of them than the articles and the name again."""
    told = set(words_of(description)) - {"a", "an", "the", "of"}
    return len(re.findall(r"[\w'-]+", description)) >= LEAST_WORDS and not told <= set(words_of(name))


def test_null_is_never_a_default() -> None:
    assert "= null" not in SDL


def test_every_description_says_more_than_the_name() -> None:
    assert [(name, text) for name, text in described() if not says_something(name, text)] == []


def test_a_description_that_is_short_or_the_name_again_is_found() -> None:
    assert not says_something("Payment.amount", "What is paid.")
    assert not says_something("BankLink.expiresAt", "The expires at of the bank link.")
    assert says_something("Payment.amount", "The money that the creditor gets.")


def test_every_custom_scalar_names_its_specification() -> None:
    scalars = re.findall(r"^scalar (\w+)(.*)$", SDL, re.MULTILINE)

    assert scalars
    assert [name for name, directives in scalars if "@specifiedBy" not in directives] == []


def test_the_schema_says_where_to_begin() -> None:
    assert "Where to begin" in (build_schema(SDL).description or "")


def test_a_deprecation_says_what_to_use_and_its_last_day() -> None:
    assert [name for name, reason in deprecations(build_schema(SDL)) if not A_DEPRECATION.match(reason)] == []
    assert A_DEPRECATION.match("Use `amountMinor`. Goes after 2027-06-30.")
    assert not A_DEPRECATION.match("No longer supported")
    assert not A_DEPRECATION.match("Use `amountMinor`.")
