"""How long operations take and how they end, by their first root field: names of the schema, so that they are few."""

import time
from collections.abc import Iterator
from typing import Final

from graphql import DocumentNode, FieldNode, OperationDefinitionNode
from prometheus_client import Histogram
from strawberry.extensions import SchemaExtension

SECONDS: Final = Histogram("drop_graphql_seconds", "Time of an operation.", ["type", "field", "outcome"])


class OperationMetrics(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        begun = time.monotonic()
        yield
        context = self.execution_context
        result = context.result
        document = context.graphql_document
        if result is None or document is None or result.data is None:
            # Nothing of it was executed, and what it names may be anything.
            SECONDS.labels("none", "none", "refused").observe(time.monotonic() - begun)
            return
        kind, field = _first_of(document, context.operation_name)
        outcome = "errors" if result.errors else "answered"
        SECONDS.labels(kind, field, outcome).observe(time.monotonic() - begun)


def _first_of(document: DocumentNode, name: str | None) -> tuple[str, str]:
    for one in document.definitions:
        is_it = isinstance(one, OperationDefinitionNode) and (name is None or (one.name and one.name.value == name))
        if is_it and isinstance(one, OperationDefinitionNode):
            fields = [node.name.value for node in one.selection_set.selections if isinstance(node, FieldNode)]
            return one.operation.value, fields[0] if fields else "fragment"
    return "none", "none"
