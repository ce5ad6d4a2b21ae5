"""What is wrong with the variables of a request, and where, in words that say what to send instead."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableDefinitionNode,
    get_operation_ast,
    is_input_type,
    is_required_input_field,
    type_from_ast,
)

from domain.error_code import ErrorCode

Path = tuple[str | int, ...]
MAX_FAULTS: Final = 20
_WANTED: Final = {
    "Boolean": "Give true or false.",
    "Float": "Give a number.",
    "ID": "Give an id, as a string.",
    "Int": "Give a whole number from -2147483648 to 2147483647.",
    "String": "Give a string.",
}


def faults_of(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any] | None
) -> list[GraphQLError]:
    """The first faults of an operation's variables. `extensions.field` is the path in `variables` as it was sent."""
    operation = get_operation_ast(document, operation_name)
    return list(islice(_faults(schema, operation, variables or {}), MAX_FAULTS)) if operation is not None else []


def _faults(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Iterator[GraphQLError]:
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        wanted = type_from_ast(schema, definition.type)
        assert wanted is not None and is_input_type(wanted)  # the document is valid
        if name in variables:
            found = _wrong(variables[name], wanted, (name,))
        elif isinstance(wanted, GraphQLNonNull) and definition.default_value is None:
            found = iter([((name,), _required(wanted))])
        else:
            continue
        for path, message in found:
            yield _fault(path, message, definition)


def _wrong(value: object, wanted: GraphQLInputType, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(wanted, GraphQLNonNull):
        if value is None:
            yield path, _required(wanted)
        else:
            yield from _wrong(value, wanted.of_type, path)
    elif value is None:
        return
    elif isinstance(wanted, GraphQLList):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _wrong(item, wanted.of_type, (*path, index))
        else:
            yield from _wrong(value, wanted.of_type, path)  # a single value stands for a list of one
    elif isinstance(wanted, GraphQLInputObjectType):
        yield from _wrong_fields(value, wanted, path)
    elif isinstance(wanted, GraphQLEnumType):
        if not isinstance(value, str) or value not in wanted.values:
            yield path, f"Give one of {', '.join(wanted.values)}."
    elif isinstance(wanted, GraphQLScalarType):
        yield from ((path, message) for message in _wrong_scalar(value, wanted))


def _wrong_fields(value: object, wanted: GraphQLInputObjectType, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(value, dict):
        yield path, f"Give an object of the type {wanted}."
        return
    for name, field in wanted.fields.items():
        if name in value:
            yield from _wrong(value[name], field.type, (*path, name))
        elif is_required_input_field(field):
            yield (*path, name), _required(field.type)
    for name in value:
        if name not in wanted.fields:
            yield (*path, name), f"Leave it out: {wanted} has no such field."


def _wrong_scalar(value: object, wanted: GraphQLScalarType) -> Iterator[str]:
    try:
        wanted.coerce_input_value(value)
    except Exception as error:  # a scalar that cannot be read, however it fails, is the client's fault
        own = error.message if isinstance(error, GraphQLError) else f"Give a {wanted}."
        yield _WANTED.get(wanted.name, own)


def _required(wanted: GraphQLInputType) -> str:
    return f"It is required: give a value of the type {str(wanted).removesuffix('!')}, not null."


def _fault(path: Path, message: str, definition: VariableDefinitionNode) -> GraphQLError:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    extensions = {"code": ErrorCode.BAD_USER_INPUT, "field": list(path)}
    return GraphQLError(f"Variable ${shown}: {message}", definition, extensions=extensions)
