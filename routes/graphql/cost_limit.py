"""What an operation may cost: measured always, refused where the limit is enforced."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from graphql import DocumentNode, GraphQLSchema, get_operation_ast
from prometheus_client import Counter, Histogram
from strawberry.extensions import SchemaExtension

from domain.operation_cost import CostLimit, CostMode
from routes.graphql.cost import Amount, cost_of, valued
from routes.graphql.document_limits import too_costly
from routes.graphql.metrics import first_of
from routes.graphql.validation import DOCUMENTS_KEPT

COST: Final = Histogram(
    "drop_graphql_cost", "What operations cost at most.", buckets=(10, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
)
OVER: Final = Counter("drop_graphql_over_cost_total", "Operations above the limit.", ["field", "mode"])


class CostControl(SchemaExtension):
    """Stands after validation: only what can be executed has a cost. A request with `extensions.cost` is told it."""

    def __init__(self, limit: CostLimit) -> None:
        self._limit = limit
        self._asked: int | None = None

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        document = context.graphql_document
        if document is not None and not context.pre_execution_errors:
            amount = _amount(context.schema._schema, document, context.operation_name)
            asked = self._asked = valued(amount, context.variables or {})
            COST.observe(asked)
            if asked > self._limit.limit:
                OVER.labels(first_of(document, context.operation_name)[1], self._limit.mode).inc()
                if self._limit.mode is CostMode.ENFORCE:
                    context.pre_execution_errors = [too_costly(self._limit.limit, asked)]
        yield

    def get_results(self) -> dict[str, Any]:
        is_wanted = (self.execution_context.operation_extensions or {}).get("cost") is True
        if not is_wanted or self._asked is None:
            return {}
        return {"cost": {"asked": self._asked, "limit": self._limit.limit}}


@lru_cache(DOCUMENTS_KEPT)
def _amount(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Amount:
    operation = get_operation_ast(document, name)
    assert operation is not None  # the document is valid, and has the operation
    return cost_of(schema, document, operation)
