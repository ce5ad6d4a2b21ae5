"""How large an answer may become, counted while it is made."""

from collections.abc import Sequence
from typing import Any, Final, Self, cast

from graphql import GraphQLError, GraphQLObjectType
from graphql.type import GraphQLLeafType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionResult

from domain.error_code import ErrorCode
from domain.errors import Refusal

MAX_NODES: Final = 10_000
MAX_BYTES: Final = 2 * 1024 * 1024
# Of a number, a null or an enum's value, with the name, quotes and comma around each value.
_BYTES_PER_VALUE: Final = 16


class AnswerTooLarge(Refusal):
    """The answer would pass a limit. None of it is given, since a part would look like the whole."""

    code = ErrorCode.QUERY_TOO_COMPLEX

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"The answer has more than {limit} {what}: ask for shorter pages, or for less of each.")
        self.limit = limit


class _Size:
    """What an answer holds so far: objects, and the bytes of its values as a client reads them, about."""

    __slots__ = ("nodes", "values")

    def __init__(self) -> None:
        self.nodes = self.values = 0

    def add_node(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise AnswerTooLarge("objects", MAX_NODES)

    def add_value(self, value: object) -> None:
        self.values += _BYTES_PER_VALUE + (len(value) if isinstance(value, str) else 0)
        if self.values > MAX_BYTES:
            raise AnswerTooLarge("bytes", MAX_BYTES)


class BoundedExecution(StrawberryGraphQLCoreExecutionContext):
    """Executes one operation, or one event of a subscription, and counts what its answer holds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._size = _Size()

    def build_per_event_executor(self, payload: Any) -> Self:
        executor = cast("Self", super().build_per_event_executor(payload))
        executor._size = _Size()
        return executor

    def complete_object_value(self, return_type: GraphQLObjectType, *args: Any) -> Any:
        # The schema's own description is limited by its cost, and is large for tools that ask for the whole.
        if not return_type.name.startswith("__"):
            self._size.add_node()
        return super().complete_object_value(return_type, *args)

    # graphql-core calls it by the instance.
    def complete_leaf_value(self, return_type: GraphQLLeafType, result: Any) -> Any:  # type: ignore[override]
        value = super().complete_leaf_value(return_type, result)
        self._size.add_value(value)
        return value


def is_bounded(data: dict[str, Any]) -> bool:
    """Whether an answer that was made without graphql-core keeps to the limits, counted as it would."""
    size = _Size()
    try:
        for value in data.values():
            _count(value, size)
    except AnswerTooLarge:
        return False
    return True


def _count(value: object, size: _Size) -> None:
    if isinstance(value, dict):
        size.add_node()
        for inner in value.values():
            _count(inner, size)
    elif isinstance(value, list):
        for item in value:
            _count(item, size)
    elif value is not None:
        size.add_value(value)


def whole_or_none(result: ExecutionResult) -> ExecutionResult:
    """The result; where it passed a limit, the one error that says so."""
    too_large = _too_large(result.errors or ())
    if too_large is None:
        return result
    error = GraphQLError(too_large.message, original_error=too_large)
    return ExecutionResult(data=None, errors=[error], extensions=result.extensions)


def _too_large(errors: Sequence[GraphQLError]) -> AnswerTooLarge | None:
    return next((e.original_error for e in errors if isinstance(e.original_error, AnswerTooLarge)), None)
