"""How long operations take and how they end, by their first root field: names of the schema, so that they are few."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from graphql import DocumentNode, FieldNode, OperationDefinitionNode
from opentelemetry import trace
from prometheus_client import Histogram
from strawberry.extensions import SchemaExtension

from domain.timeline import attributes
from routes.graphql.errors import is_failure
from routes.spans import are_spans_kept

SECONDS: Final = Histogram("drop_graphql_seconds", "Time of an operation.", ["type", "field", "outcome"])
_tracer = trace.get_tracer("drop.graphql")


class OperationMetrics(SchemaExtension):
    """A Strawberry extension: counts and times each operation, and gives it a span."""

    def on_operation(self) -> Iterator[None]:
        begun = time.monotonic()
        with _span() as span:
            yield
            kind, field, outcome = self._ended()
            SECONDS.labels(kind, field, outcome).observe(time.monotonic() - begun)
            span.update_name(f"{kind} {field}")
            span.set_attributes(attributes())
            span.set_attribute("drop.outcome", outcome)

    def _ended(self) -> tuple[str, str, str]:
        """Type, first field and outcome. A refused document gives no name of its own, which could be anything.

        `failed` is a bug of ours; `errors` are what the client did, such as not being signed in, or a vendor away.
        """
        context = self.execution_context
        result, document = context.result, context.graphql_document
        has_failed = result is not None and any(map(is_failure, result.errors or ()))
        if document is None or result is None or (result.data is None and not has_failed):
            return "graphql", "none", "refused"
        outcome = "failed" if has_failed else "errors" if result.errors else "answered"
        return (*first_of(document, context.operation_name), outcome)


def _span() -> AbstractContextManager[trace.Span]:
    if are_spans_kept():
        return _tracer.start_as_current_span("graphql", record_exception=False)
    return nullcontext(trace.INVALID_SPAN)


def first_of(document: DocumentNode, name: str | None) -> tuple[str, str]:
    """The type of an operation and its first root field: names of the schema, where the document is valid."""
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (
            name is None or (definition.name and definition.name.value == name)
        ):
            fields = [node.name.value for node in definition.selection_set.selections if isinstance(node, FieldNode)]
            return definition.operation.value, fields[0] if fields else "fragment"
    return "graphql", "none"
