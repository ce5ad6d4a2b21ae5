"""Scalars that keep money and codes exact."""

import re
from typing import Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

Int64String = NewType("Int64String", int)
CurrencyCode = NewType("CurrencyCode", str)

_INT64: Final = 2**63
_INTEGER: Final = re.compile(r"-?\d{1,19}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def _parse_int64(value: object) -> int:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not is_integer and not (isinstance(value, str) and value.isascii() and _INTEGER.fullmatch(value)):
        raise GraphQLError("Int64String takes a whole number, as a string of digits.")
    number = int(str(value))
    if not -_INT64 <= number < _INT64:
        raise GraphQLError("Int64String takes a number of 64 bits.")
    return number


def _parse_currency(value: object) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise GraphQLError("CurrencyCode takes three capital letters, such as NOK.")
    return value


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Int64String: strawberry.scalar(
        name="Int64String",
        description="A whole number of 64 bits as a string of digits, since JSON numbers lose precision above 2^53.",
        serialize=str,
        parse_value=_parse_int64,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="An ISO 4217 currency code in capital letters.",
        serialize=str,
        parse_value=_parse_currency,
        specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
    ),
}
