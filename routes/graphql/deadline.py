"""Mutations whose work goes on, and operations that end, at their deadline."""

from collections.abc import Callable, Coroutine
from inspect import iscoroutine
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError, GraphQLObjectType
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from domain.errors import DeadlineExceeded, RateLimited
from resolvers.context import Context
from services.deadline import bounded

# Of which fewer are allowed in a minute.
_MONEY: Final = frozenset(
    {
        "initiatePayment",
        "createCardPayment",
        "confirmCardPayment",
        "refundPayment",
        "createPlanSubscription",
        "resumePlanSubscription",
        "updatePlanPaymentMethod",
    }
)


def shield(mutations: GraphQLObjectType) -> None:
    """Count each of these fields, aliases too; its work goes on where its client leaves or its deadline passes."""
    assert mutations.fields.keys() >= _MONEY
    for name, field in mutations.fields.items():
        assert field.resolve is not None  # Strawberry gives each field a resolver
        field.resolve = _shielded(field.resolve, moves_money=name in _MONEY)


async def in_time(context: ExecutionContext, running: Coroutine[Any, Any, Any], within_s: float) -> Any:
    """The operation's result, or that it took too long."""
    try:
        return await bounded(running, within_s, goes_on=context.operation_type is OperationType.MUTATION)
    except DeadlineExceeded as error:
        return ExecutionResult(None, [GraphQLError(error.message, original_error=error)])


def _shielded(resolve: Callable[..., Any], *, moves_money: bool) -> Callable[..., Any]:
    def resolved(source: object, info: Any, **given: Any) -> Any:
        asking, context = resolve(source, info, **given), info.context
        if not iscoroutine(asking) or not isinstance(context, Context):
            return asking
        return context.services.shield.run_mutation(_counted(asking, context, moves_money))

    return resolved


async def _counted(asking: Coroutine[Any, Any, Any], context: Context, moves_money: bool) -> Any:
    try:
        await context.require_turn(moves_money=moves_money)
    except RateLimited:
        asking.close()
        raise
    return await asking
