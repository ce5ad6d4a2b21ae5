"""Scalars that keep money, times and codes exact."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

from domain.clock import date_of, text_of, time_of

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


def _parse_datetime(value: object) -> datetime:
    moment = time_of(value) if isinstance(value, str) else None
    if moment is None:
        raise GraphQLError("DateTime takes RFC 3339 with an offset, such as 2026-11-27T12:00:00.000Z.")
    return moment


def _parse_date(value: object) -> date:
    day = date_of(value) if isinstance(value, str) else None
    if day is None:
        raise GraphQLError("Date takes a day as YYYY-MM-DD, such as 2026-11-27.")
    return day


def _literal(parse: Callable[[object], object]) -> Callable[..., object]:
    """The scalar's value in a document, read as one in the variables is; an error says where it stands."""

    def parse_literal(node: ValueNode, _: object = None) -> object:
        try:
            return parse(value_from_ast_untyped(node))
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from error

    return parse_literal


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Int64String: strawberry.scalar(
        name="Int64String",
        description="A whole number of 64 bits as a string of digits, since JSON numbers lose precision above 2^53.",
        serialize=str,
        parse_value=_parse_int64,
        parse_literal=_literal(_parse_int64),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc7493#section-2.2",
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="An ISO 4217 currency code in capital letters.",
        serialize=str,
        parse_value=_parse_currency,
        parse_literal=_literal(_parse_currency),
        specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC by RFC 3339, with three fractional digits and `Z`: `2026-11-27T12:00:00.000Z`. "
        "In inputs any offset is taken, but never none.",
        serialize=text_of,
        parse_value=_parse_datetime,
        parse_literal=_literal(_parse_datetime),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day without a time, as `YYYY-MM-DD`.",
        serialize=date.isoformat,
        parse_value=_parse_date,
        parse_literal=_literal(_parse_date),
        specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
    ),
}
