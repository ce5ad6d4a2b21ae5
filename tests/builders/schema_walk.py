"""Documents that reach every field, argument, mutation and subscription of the schema, made from the schema itself."""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    get_named_type,
    is_abstract_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
    parse,
)

SCHEMA: Final[GraphQLSchema] = build_schema((Path(__file__).parents[2] / "schema" / "schema.graphql").read_text())
# How deep a selection goes below what a document is about.
_DEEP: Final = 2
# Less than a document may have.
_TOKENS: Final = 1_600
_FIELDS: Final = 800
_ALIASES: Final = 40
_CURSORS: Final = ("after", "before")
_KEYS = count(1)


class Unreachable(Exception):
    """Something of the schema that no document could be made for."""


@dataclass(frozen=True, slots=True)
class IdArgument:
    """A field that takes an id or a cursor: `path` leads from a root to it, `name` is the argument's."""

    path: tuple[str, ...]
    field: GraphQLField
    name: str
    # Within an input object, the fields that lead to it.
    within: tuple[str, ...] = ()

    @property
    def is_cursor(self) -> bool:
        return self.name in _CURSORS


def objects(kind: object) -> list[GraphQLObjectType]:
    named = get_named_type(kind)  # type: ignore[call-overload]  # any output type
    if is_abstract_type(named):
        return list(SCHEMA.get_possible_types(named))
    return [named] if is_object_type(named) else []


def selection(kind: object, deep: int = _DEEP) -> str:
    """Every field of what a field gives, and of what lies below it: at the end, that there is something."""
    found = objects(kind)
    if not found:
        return ""
    if is_abstract_type(get_named_type(kind)):  # type: ignore[call-overload]
        return "{ __typename }"
    return "{ __typename " + _fields(found[0], deep) + " }"


def _fields(kind: GraphQLObjectType, deep: int) -> str:
    return " ".join(_field(name, field, deep) for name, field in kind.fields.items())


def _field(name: str, field: GraphQLField, deep: int) -> str:
    if any(is_required_argument(argument) for argument in field.args.values()):
        return ""
    if not objects(field.type):
        return name
    return f"{name} " + (selection(field.type, deep - 1) if deep else "{ __typename }")


def spanning() -> Iterator[tuple[str, str]]:
    """Each type of object that can be read from the root, with a document that goes there and asks for all of it."""
    for kind, path in _ways().items():
        yield kind.name, _nested(path, selection(kind, 1))


def _ways() -> dict[GraphQLObjectType, tuple[str, ...]]:
    """The shortest way to each type, as the fields to nest, each with the arguments that it needs."""
    assert SCHEMA.query_type is not None
    ways: dict[GraphQLObjectType, tuple[str, ...]] = {SCHEMA.query_type: ()}
    waiting = deque([SCHEMA.query_type])
    while waiting:
        kind = waiting.popleft()
        for name, field in kind.fields.items():
            if any(_takes_id(argument) and is_required_argument(argument) for argument in field.args.values()):
                continue
            for found in objects(field.type):
                if found not in ways:
                    given = ", ".join(
                        f"{one}: {literal(one, argument.type)}"
                        for one, argument in field.args.items()
                        if is_required_argument(argument)
                    )
                    ways[found] = (*ways[kind], f"{name}({given})" if given else name)
                    waiting.append(found)
    return ways


def _nested(path: Sequence[str], chosen: str) -> str:
    for field in reversed(path):
        chosen = f"{{ __typename {field} {chosen} }}"
    return chosen


def id_arguments() -> Iterator[IdArgument]:
    """Each place of a query that takes an id or a cursor."""
    for kind, path in _ways().items():
        for field_name, field in kind.fields.items():
            for name, argument in field.args.items():
                named = get_named_type(argument.type)
                if _is_id(name, argument):
                    yield IdArgument((*path, field_name), field, name)
                elif isinstance(named, GraphQLInputObjectType):
                    for within in _ids_within(named):
                        yield IdArgument((*path, field_name), field, name, within)


def _is_id(name: str, argument: GraphQLArgument) -> bool:
    return get_named_type(argument.type).name == "ID" or name in _CURSORS


def _takes_id(argument: GraphQLArgument) -> bool:
    named = get_named_type(argument.type)
    return named.name == "ID" or (isinstance(named, GraphQLInputObjectType) and bool(list(_ids_within(named))))


def _ids_within(kind: GraphQLInputObjectType) -> Iterator[tuple[str, ...]]:
    for name, field in kind.fields.items():
        named = get_named_type(field.type)
        if isinstance(named, GraphQLInputObjectType):
            yield from ((name, *within) for within in _ids_within(named))
        elif named.name == "ID":
            yield (name,)


def asked_by(place: IdArgument, given: Sequence[str]) -> Iterator[str]:
    """Documents that ask the field with each of the ids or cursors, none larger than is accepted."""
    for chosen in _selections(place.field.type):
        if "[" in str(_kind_at(place)):
            yield _asked_with(place, [json.dumps(list(given))], chosen)
            continue
        words = len(re.findall(r"\w+", chosen))
        at_once = max(1, min(_ALIASES, _FIELDS // words, _TOKENS // (2 * words)))
        for start in range(0, len(given), at_once):
            yield _asked_with(place, [json.dumps(one) for one in given[start : start + at_once]], chosen)


def _selections(kind: object) -> list[str]:
    """One, or one for each type that it may be: fields of one name may be of different types."""
    if not is_abstract_type(get_named_type(kind)):  # type: ignore[call-overload]
        return [selection(kind, 1)]
    return [f"{{ __typename ... on {one.name} {selection(one, 1)} }}" for one in objects(kind)]


def _asked_with(place: IdArgument, values: Sequence[str], chosen: str) -> str:
    *path, name = place.path
    asked = []
    for number, value in enumerate(values):
        for field in reversed(place.within):
            value = f"{{{field}: {value}}}"  # it is nested
        asked.append(f"a{number}: {name}({place.name}: {value}) {chosen}")
    return _nested(path, "{ __typename " + " ".join(asked) + " }")


def _kind_at(place: IdArgument) -> object:
    kind: Any = place.field.args[place.name].type
    for name in place.within:
        kind = get_named_type(kind).fields[name].type
    return kind


# What a field takes that no rule of ours refuses. A new one is given a word; where that will not do, it goes here.
TEXTS: Final = {
    "creditorName": "Ola Hansen",
    "creditorAccount": "32010020009",
    "amountMinor": "1000",
    "currency": "NOK",
    "paymentMethod": "pm_card_visa",
    "code": "123456",
    "fileName": "a.png",
    "contentType": "image/png",
    "sha256": "0" * 64,
    "returnTo": "/api/health/live",
    "country": "NO",
    "kid": None,
    "executionDate": None,
    "acceptDuplicateOf": None,
    "email": None,
    "phone": None,
    "address": None,
    "locale": None,
    "bankId": "bank_dnb",
    "planId": "plan_plus",
    "methodId": "bankid",
}


def value_of(name: str, kind: object) -> Any:
    """Something that may stand in an input's field, or None where it may be left out."""
    named = get_named_type(kind)  # type: ignore[call-overload]
    if name == "idempotencyKey":
        return f"walk-key-{next(_KEYS):06d}"
    if name in TEXTS:
        return TEXTS[name]
    if isinstance(named, GraphQLInputObjectType):
        return {inner: value_of(inner, field.type) for inner, field in named.fields.items()}
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    return {"Boolean": True, "Int": 10, "ID": "none"}.get(named.name, "walk")


def literal(name: str, kind: object) -> str:
    """The same as `value_of`, as it is written in a document."""
    named = get_named_type(kind)  # type: ignore[call-overload]
    if isinstance(named, GraphQLInputObjectType):
        return "{" + ", ".join(f"{inner}: {literal(inner, field.type)}" for inner, field in named.fields.items()) + "}"
    value: str = value_of(name, kind)
    return value if isinstance(named, GraphQLEnumType) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class Change:
    """A mutation: its document, and the paths in its input at which it takes an id of the user's."""

    name: str
    document: str
    kind: GraphQLInputObjectType | None
    ids: tuple[tuple[str, ...], ...]

    def variables(
        self, path: tuple[str, ...] | None = None, identifier: str = "", own: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Any]:
        """An input that the rules allow, with the id in its place; `own` are ids for other places."""
        if self.kind is None:
            return {}
        given = {name: value_of(name, field.type) for name, field in self.kind.fields.items()}
        for one in self.ids:
            if len(one) == 1 and is_required_input_field(self.kind.fields[one[0]]):
                given[one[0]] = own.get(one[0], identifier)
        if path is not None:
            inner = given
            for name in path[:-1]:
                inner = inner[name]
            inner[path[-1]] = identifier
        return {"input": {name: value for name, value in given.items() if value is not None}}


def changes() -> Iterator[Change]:
    """Each mutation."""
    assert SCHEMA.mutation_type is not None
    for name, field in SCHEMA.mutation_type.fields.items():
        chosen = selection(field.type, 3)
        if not field.args:
            yield Change(name, f"mutation {{ {name} {chosen} }}", None, ())
            continue
        if list(field.args) != ["input"]:
            raise Unreachable(f"mutation {name} takes something else than an input")
        kind = get_named_type(field.args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        document = f"mutation($input: {field.args['input'].type}) {{ {name}(input: $input) {chosen} }}"
        # Ids of banks and plans are nobody's.
        ids = tuple(path for path in _ids_within(kind) if path[-1] not in ("bankId", "planId", "methodId"))
        yield Change(name, document, kind, ids)


def subscriptions() -> Iterator[tuple[str, str, list[str], str | None]]:
    """Each subscription's name, document, and its arguments that are ids and a cursor."""
    assert SCHEMA.subscription_type is not None
    for name, field in SCHEMA.subscription_type.fields.items():
        ids = [one for one, argument in field.args.items() if get_named_type(argument.type).name == "ID"]
        cursor = next((one for one in field.args if one == "after"), None)
        if set(field.args) - set(ids) - {cursor}:
            raise Unreachable(f"subscription {name} takes something else than an id and a cursor")
        declared = ", ".join(f"${one}: {argument.type}" for one, argument in field.args.items())
        passed = ", ".join(f"{one}: ${one}" for one in field.args)
        # One level less than a query: a push is cut into fewer objects.
        yield name, f"subscription({declared}) {{ {name}({passed}) {selection(field.type, 2)} }}", ids, cursor


def every_field() -> set[str]:
    """Each field of each object, but of the roots' own that are walked by name."""
    return {
        f"{kind.name}.{name}"
        for kind in SCHEMA.type_map.values()
        if is_object_type(kind) and not kind.name.startswith("__")
        for name in kind.fields
    }


def reached(answer: Any, document: str) -> set[str]:
    """The fields that the document asks of objects that are in the answer, each as `Type.field`."""
    operation = _parsed(document)
    root = SCHEMA.get_root_type(operation.operation)
    assert root is not None
    return set(_reached_in(answer, root.name, operation.selection_set)) if answer else set()


@lru_cache(maxsize=2_000)
def _parsed(document: str) -> OperationDefinitionNode:
    (operation,) = parse(document, no_location=True).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def _reached_in(answer: Any, root: str | None, chosen: SelectionSetNode) -> Iterator[str]:
    if isinstance(answer, list):
        for one in answer:
            yield from _reached_in(one, None, chosen)
    elif isinstance(answer, dict):
        kind = root or answer["__typename"]
        for node in chosen.selections:
            if isinstance(node, InlineFragmentNode):
                if node.type_condition is not None and node.type_condition.name.value == kind:
                    yield from _reached_in(answer, kind, node.selection_set)
            elif isinstance(node, FieldNode) and node.name.value != "__typename":
                yield f"{kind}.{node.name.value}"
                if node.selection_set is not None:
                    given = answer.get((node.alias or node.name).value)
                    yield from _reached_in(given, None, node.selection_set)
