"""How what was read becomes the answer's values, as graphql-core completes them."""

from typing import Any

from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    is_leaf_type,
)

from domain.selection import FaultyValueError
from routes.graphql.asking import Asking, Fields, Read, Write


def constant(value: str) -> Write:
    """Always the same."""
    return lambda source, asking: value


def of_object(fields: Fields) -> Write:
    """Each field of one source."""
    return lambda source, asking: {name: write(source, asking) for name, write in fields}


def leaf(read: Read, shown: GraphQLLeafType, is_nullable: bool) -> Write:
    """A scalar or an enum's value. Raises FaultyValueError for one that it cannot have."""
    serialize = shown.serialize

    def write(source: Any, asking: Asking) -> Any:
        value = read(source)
        if value is None:
            return _absent(is_nullable)
        try:
            return serialize(value)
        except (ValueError, TypeError, GraphQLError) as error:
            raise FaultyValueError from error

    return write


def nested(read: Read, write: Write, is_nullable: bool) -> Write:
    """An object that may not be there. Raises FaultyValueError where it must be."""

    def write_nested(source: Any, asking: Asking) -> Any:
        value = read(source)
        return _absent(is_nullable) if value is None else write(value, asking)

    return write_nested


def each(read: Read, write: Write) -> Write:
    """A list of objects."""
    return lambda source, asking: [write(one, asking) for one in read(source)]


def bank(read: Read, write: Write) -> Write:
    """The bank with an id, from the list that is in memory; null for none."""

    def write_bank(source: Any, asking: Asking) -> Any:
        bank_id = read(source)
        found = asking.banks.get(bank_id) if bank_id is not None else None
        return None if found is None else write(found, asking)

    return write_bank


def signed_in(write: Write) -> Write:
    """What only the viewer is shown: null where nobody is signed in."""
    return lambda source, asking: None if asking.user is None else write(source, asking)


def value_of(given: GraphQLOutputType, inner: Write | None) -> Write:
    """A value of any type that a field may have; `inner` writes an object in it."""
    if isinstance(given, GraphQLNonNull):
        return nested(_itself, value_of(given.of_type, inner), False)
    if isinstance(given, GraphQLList):
        return nested(_itself, each(_itself, value_of(given.of_type, inner)), True)
    if is_leaf_type(given):
        return leaf(_itself, given, True)
    assert inner is not None  # fields of objects are selected
    return nested(_itself, inner, True)


def _itself(value: Any) -> Any:
    return value


def _absent(is_nullable: bool) -> None:
    if not is_nullable:
        raise FaultyValueError
