"""The schema as it is served: with limits before execution and with presented errors."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from copy import copy
from functools import cache, lru_cache
from typing import Any, Final

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    ValidationRule,
)
from strawberry.extensions import (
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import validate_document
from strawberry.types import ExecutionContext, ExecutionResult

from domain.error_code import ErrorCode
from domain.locale import DEFAULT
from domain.timeline import TimelineKind, mark, record
from resolvers.context import Context
from routes.graphql.document_limits import MAX_TOKENS, refusal_of
from routes.graphql.errors import present
from routes.graphql.literals import with_field
from routes.graphql.metrics import OperationMetrics
from routes.graphql.variables import faults_of
from schema.description import DESCRIPTION
from schema.roots import Mutation, Query, Subscription
from schema.types.scalars import SCALARS
from services.incidents import Incidents

_DOCUMENTS_KEPT: Final = 128
_CONFIG: Final = StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=False)
# No field has it: it stands in `extensions`, and programs want its values all the same.
_TYPES: Final = [ErrorCode]


class AmbiguousOperation(ValidationRule):
    """Refuses a document with several operations; used where the request names none."""

    def enter_document(self, document: DocumentNode, *_: object) -> None:
        if sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions) > 1:
            self.report_error(GraphQLError("The document has several operations: send an operationName.", document))


class OneOperation(SchemaExtension):
    """Strawberry would execute the first operation; the specification wants an error (GraphQL, 6.1)."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context._provided_operation_name is None:
            context.validation_rules = (*context.validation_rules, AmbiguousOperation)
        yield


class CachedParsing(ParserCache):
    """Parses a document once for all requests that send it."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        # An error that is raised here ends a WebSocket's operation without an answer; Strawberry, which then parses the
        # document itself, answers with that error on every transport.
        with suppress(GraphQLError):
            context.graphql_document = self.cached_parse_document(context.query, **context.parse_options)
        yield


class BoundedValidation(SchemaExtension):
    """Validates a document once for all requests that send it, where it keeps to the limits; then the variables."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        assert context.graphql_document is not None  # Strawberry validates what it has parsed
        rules = tuple(context.validation_rules)
        schema, document = context.schema._schema, context.graphql_document
        context.pre_execution_errors = _validated(schema, document, rules) or faults_of(
            schema, document, context.operation_name, context.variables
        )
        yield


@lru_cache(_DOCUMENTS_KEPT)
def _validated(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    # Checked before any rule, since rules of the libraries walk a fragment once for each of its spreads.
    refusal = refusal_of(document)
    if refusal is not None:
        return [refusal]
    return [with_field(error, document) for error in validate_document(schema, document, rules)]


class GatewaySchema(strawberry.Schema):
    """The schema that is served: each operation has its own context, and each error its code."""

    incidents: Incidents

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: Strawberry would log what clients do wrong as errors of ours. `present` reports the rest."""

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        begun = mark()
        result = await super().execute(*args, **kwargs)
        result.errors = present(result.errors, self.incidents, _locale_of(kwargs))
        for field in result.data or {}:
            record(TimelineKind.OPERATION, field, _outcome_of(result, field), since=begun)
        return result

    async def stream(self, *args: Any, **kwargs: Any) -> Any:
        context = kwargs.get("context_value")
        if isinstance(context, Context):
            kwargs["context_value"] = context.for_operation()
        return self._presented(await super().stream(*args, **kwargs), _locale_of(kwargs))

    async def _presented(self, results: AsyncGenerator[Any, None], locale: str) -> AsyncGenerator[Any, None]:
        try:
            async for result in results:
                result.errors = present(result.errors, self.incidents, locale)
                yield result
        finally:
            await results.aclose()


def _locale_of(arguments: Mapping[str, Any]) -> str:
    context = arguments.get("context_value")
    return context.locale if isinstance(context, Context) else DEFAULT


def _outcome_of(result: ExecutionResult, field: str) -> str:
    """The outcome for the timeline: answered, or the codes of the errors."""
    payload = (result.data or {}).get(field)
    refused = payload.get("userErrors") if isinstance(payload, dict) else None
    codes = [str(refusal.get("code", "refused")) for refusal in refused or []]
    codes += [str((error.extensions or {}).get("code")) for error in result.errors or [] if error.path]
    return ", ".join(codes) or "answered"


def build_schema(incidents: Incidents) -> GatewaySchema:
    """The schema with its extensions and limits. Unexpected errors are reported to `incidents`."""
    schema = copy(_built())
    schema.incidents = incidents
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
        extensions=[
            OperationMetrics,
            lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
            OneOperation,
            # Clients send the same few documents again and again.
            CachedParsing,
            BoundedValidation,
        ],
    )
    # Strawberry has no parameter for it, and its printer leaves it out.
    schema._schema.description = DESCRIPTION
    return schema


def sdl() -> str:
    """The schema in its own language, as `schema/schema.graphql` keeps it."""
    types = strawberry.Schema(Query, Mutation, Subscription, types=_TYPES, config=_CONFIG).as_str()
    roots = "schema {\n  query: Query\n  mutation: Mutation\n  subscription: Subscription\n}"
    return f'"""\n{DESCRIPTION}\n"""\n{roots}\n\n{types}\n'
