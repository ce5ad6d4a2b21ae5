"""The schema as it is served: with limits before execution and with presented errors."""

from collections.abc import AsyncGenerator, Mapping
from copy import copy
from functools import cache
from typing import Any, Final

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import MaxTokensLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError

from domain.error_code import ErrorCode
from domain.errors import DropError
from domain.locale import DEFAULT
from domain.operation_cost import CostLimit
from domain.selection import PlanMode
from domain.timeline import TimelineKind, mark, record
from resolvers.context import Context
from routes.graphql.answer_size import BoundedExecution, whole_or_none
from routes.graphql.cost_limit import CostControl
from routes.graphql.deadline import in_time, shield
from routes.graphql.document_limits import MAX_TOKENS
from routes.graphql.errors import code_of, present, refused
from routes.graphql.messages import EXTENSIONS
from routes.graphql.metrics import OperationMetrics
from routes.graphql.plans import Plans
from routes.graphql.validation import BoundedValidation, CachedParsing
from schema.description import DESCRIPTION
from schema.roots import Mutation, Query, Subscription
from schema.types.scalars import SCALARS
from services.incidents import Incidents

_CONFIG: Final = StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=False)
# No field has it: it stands in `extensions`, and programs want its values all the same.
_TYPES: Final = [ErrorCode]


class GatewaySchema(strawberry.Schema):
    """The schema that is served: each operation has its own context, and each error its code."""

    incidents: Incidents
    deadline_s: float
    cost_limit: CostLimit
    plans: Plans

    def get_extensions(self, sync: bool = False) -> list[SchemaExtension]:
        """The extensions of one operation."""
        return [*super().get_extensions(sync), CostControl(self.cost_limit)]

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: Strawberry would log what clients do wrong as errors of ours. `present` reports the rest."""

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        result = whole_or_none(await super().execute(*args, **kwargs))
        result.errors = present(result.errors, self.incidents, _locale_of(kwargs))
        return result

    async def _execute_operation(self, execution_context: ExecutionContext, *args: Any) -> Any:
        context = execution_context.context
        if isinstance(context, Context):
            await context.note_use()
        begun = mark()
        result = await in_time(execution_context, self._answered(execution_context, *args), self.deadline_s)
        for field in result.data or {}:
            record(TimelineKind.OPERATION, field, _outcome_of(result, field), since=begun)
        return result

    async def _answered(self, execution_context: ExecutionContext, *args: Any) -> Any:
        """By the document's plan, where it has one that covers the request; else by graphql-core."""
        planned = await self.plans.answer(execution_context)
        if self.plans.mode is not PlanMode.COMPARE:
            execution_context.result = planned
        result = await super()._execute_operation(execution_context, *args)
        if self.plans.mode is PlanMode.COMPARE:
            self.plans.compare(planned, result)
        return result

    async def stream(self, *args: Any, **kwargs: Any) -> Any:
        context = kwargs.get("context_value")
        kwargs.setdefault("operation_extensions", EXTENSIONS.get())
        if isinstance(context, Context):
            kwargs["context_value"] = context.for_operation()
            try:
                await context.require_session()
            except DropError as error:
                return _refusal(refused(error, context.locale))
        return self._presented(await super().stream(*args, **kwargs), _locale_of(kwargs))

    async def _presented(self, results: AsyncGenerator[Any, None], locale: str) -> AsyncGenerator[Any, None]:
        try:
            async for given in results:
                result = whole_or_none(given)
                result.errors = present(result.errors, self.incidents, locale)
                yield result
        finally:
            await results.aclose()


async def _refusal(error: GraphQLError) -> AsyncGenerator[PreExecutionError, None]:
    yield PreExecutionError(data=None, errors=[error])


def _locale_of(arguments: Mapping[str, Any]) -> str:
    context = arguments.get("context_value")
    return context.locale if isinstance(context, Context) else DEFAULT


def _outcome_of(result: ExecutionResult, field: str) -> str:
    """The outcome for the timeline: answered, or the codes of the errors."""
    payload = (result.data or {}).get(field)
    refused = payload.get("userErrors") if isinstance(payload, dict) else None
    codes = [str(refusal.get("code", "refused")) for refusal in refused or []]
    codes += [code_of(error) for error in result.errors or [] if error.path]
    return ", ".join(codes) or "answered"


def build_schema(incidents: Incidents, deadline_s: float, cost_limit: CostLimit, plans: PlanMode) -> GatewaySchema:
    """The schema with its extensions and limits. Unexpected errors are reported to `incidents`.

    A query or mutation may take `deadline_s`; a subscription's stream has no end.
    """
    schema = copy(_built())
    schema.incidents, schema.deadline_s, schema.cost_limit = incidents, deadline_s, cost_limit
    schema.plans = Plans(schema._schema, plans)
    return schema


@cache
def _built() -> GatewaySchema:
    """The same for every gateway of a process; building it costs more than all else at a start."""
    schema = GatewaySchema(
        Query,
        Mutation,
        Subscription,
        types=_TYPES,
        config=_CONFIG,
        execution_context_class=BoundedExecution,
        extensions=[
            OperationMetrics,
            lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
            # Clients send the same few documents again and again.
            CachedParsing,
            BoundedValidation,
        ],
    )
    # Strawberry has no parameter for it, and its printer leaves it out.
    schema._schema.description = DESCRIPTION
    assert schema._schema.mutation_type is not None
    shield(schema._schema.mutation_type)
    return schema


def served_schema() -> GraphQLSchema:
    """The schema as graphql-core knows it, for what reads documents without executing them."""
    return _built()._schema


def sdl() -> str:
    """The schema in its own language, as `schema/schema.graphql` keeps it."""
    types = strawberry.Schema(Query, Mutation, Subscription, types=_TYPES, config=_CONFIG).as_str()
    roots = "schema {\n  query: Query\n  mutation: Mutation\n  subscription: Subscription\n}"
    return f'"""\n{DESCRIPTION}\n"""\n{roots}\n\n{types}\n'
