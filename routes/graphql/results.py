"""Results of operations as JSON for the client."""

from typing import Any

from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from domain.error_code import ErrorCode


def body_of(result: ExecutionResult) -> dict[str, Any]:
    """`data`, `errors`, `extensions` (GraphQL, 7.1)."""
    body: dict[str, Any] = {}
    if not is_pre_execution(result):
        body["data"] = result.data
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def is_pre_execution(result: ExecutionResult) -> bool:
    """Whether the request was refused before it was executed."""
    return isinstance(result, PreExecutionError) or (
        result.data is None and bool(result.errors) and all(map(_is_of_no_field, result.errors or []))
    )


def _is_of_no_field(error: GraphQLError) -> bool:
    return error.path is None and (error.extensions or {}).get("code") != ErrorCode.DEADLINE_EXCEEDED
