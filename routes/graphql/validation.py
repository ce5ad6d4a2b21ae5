"""The rules of the specification, with ours in place of those that cost more than a document may."""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    StringValueNode,
    ValidationRule,
    specified_rules,
    validate,
)
from graphql.validation import OverlappingFieldsCanBeMergedRule
from strawberry.extensions import ParserCache, SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from domain.error_code import ErrorCode
from domain.unstorable import is_unstorable
from resolvers.context import Context
from routes.graphql.document_limits import refusal_of
from routes.graphql.literals import with_field
from routes.graphql.merging import conflicts
from routes.graphql.variables import faults_of

DOCUMENTS_KEPT: Final = 128
# A document with more faults than this is not written by anybody.
MAX_ERRORS: Final = 20


class FieldsCanBeMerged(ValidationRule):
    """In place of graphql-core's rule, which compares fields of one name in pairs."""

    def enter_document(self, document: DocumentNode, *_: Any) -> None:
        for error in conflicts(self.context.schema, document):
            self.report_error(error)


class AmbiguousOperation(ValidationRule):
    """Refuses a document with several operations; used where the request names none."""

    def enter_document(self, document: DocumentNode, *_: Any) -> None:
        if sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions) > 1:
            self.report_error(GraphQLError("The document has several operations: send an operationName.", document))


class StorableStrings(ValidationRule):
    """Refuses text in the document that no database stores."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        if is_unstorable(node.value):
            self.report_error(GraphQLError("Leave out the character NUL.", node))


class NoIntrospection(ValidationRule):
    """Refuses to tell of the schema, of which `__typename` tells nothing that an answer does not."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in ("__schema", "__type"):
            message = "The schema is for operators alone: send their token as X-Drop-Operator."
            self.report_error(GraphQLError(message, node, extensions={"code": ErrorCode.FORBIDDEN}))


RULES: Final[tuple[type[ASTValidationRule], ...]] = (
    *(FieldsCanBeMerged if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
    StorableStrings,
)


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
        schema, document = context.schema._schema, context.graphql_document
        # Strawberry would execute the first operation; the specification wants an error (GraphQL, 6.1).
        must_be_one = context._provided_operation_name is None
        asking = context.context
        is_open = asking.sees_schema if isinstance(asking, Context) else True
        context.pre_execution_errors = faults_in(schema, document, must_be_one, is_open) or faults_of(
            schema, document, context.operation_name, context.variables
        )
        yield


@lru_cache(DOCUMENTS_KEPT)
def faults_in(schema: GraphQLSchema, document: DocumentNode, must_be_one: bool, is_open: bool) -> list[GraphQLError]:
    """What is wrong with a document, whatever its variables; the limits go before all rules.

    `must_be_one` where the request names no operation. Where the schema is not open, nothing tells of it: no
    introspection, and no suggestion beside an error.
    """
    # Checked before any rule, since rules of the libraries walk a fragment once for each of its spreads.
    refusal = refusal_of(document)
    if refusal is not None:
        return [refusal]
    rules = [*RULES, *([AmbiguousOperation] if must_be_one else []), *([] if is_open else [NoIntrospection])]
    found = validate(schema, document, rules, max_errors=MAX_ERRORS, hide_suggestions=not is_open)
    return [with_field(error, document) for error in found]
