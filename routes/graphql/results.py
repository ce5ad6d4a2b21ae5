"""Results of operations as JSON for the client."""

from typing import Any

from strawberry.types.execution import ExecutionResult, PreExecutionError


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
        result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or [])
    )
