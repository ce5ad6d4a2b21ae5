"""Which documents have plans, and answering by them: whole, or not at all, and then in the ordinary way."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode, get_operation_ast
from graphql.execution.values import get_variable_values
from prometheus_client import Counter
from strawberry.types import ExecutionContext

from domain.errors import Refusal
from domain.page import Keyset
from domain.selection import FaultyValueError, NotCoveredError, PlanMode
from domain.user import User
from resolvers.context import Context
from routes.graphql.answer_size import is_bounded
from routes.graphql.plan import Asking, Plan, plan_of
from routes.graphql.validation import DOCUMENTS_KEPT

ANSWERS: Final = Counter(
    "drop_graphql_plans_total", "Operations by what answered: a plan, or graphql-core for this reason.", ["by"]
)
# A document that is used again within this time is worth a plan.
_KNOWN_FOR_S: Final = 600.0
# The hash of a document, and the operation in it.
_Key = tuple[bytes, str | None]


class PlanDiffersError(Exception):
    """A plan has answered otherwise than graphql-core."""


class Plans:
    """The plans of one process, of the documents that were used last."""

    def __init__(self, schema: GraphQLSchema, mode: PlanMode) -> None:
        self.mode = mode
        self._schema = schema
        # A plan, why there is none, or when the document was first used. Never an error: each time that one is raised,
        # it holds the frames, and so the request, of that time, too.
        self._known: OrderedDict[_Key, Plan | str | float] = OrderedDict()

    async def answer(self, asked: ExecutionContext) -> ExecutionResult | None:
        """The result; None where graphql-core must answer: no plan covers the operation, or a value is at fault.

        An outage is an answer, since the ordinary way would only ask the database again.
        """
        context = asked.context
        if self.mode is PlanMode.OFF or not isinstance(context, Context):
            return None
        try:
            result = await self._answer(asked, context)
        except NotCoveredError as error:
            ANSWERS.labels(error.reason).inc()
            return None
        except FaultyValueError:
            ANSWERS.labels("fault").inc()
            return None
        ANSWERS.labels("plan").inc()
        return result

    def compare(self, planned: ExecutionResult | None, ordinary: Any) -> None:
        """Raises PlanDiffersError where both have answered, and not the same in the same order."""
        if planned is None:
            return
        if repr(planned.data) != repr(ordinary.data) or bool(planned.errors) != bool(ordinary.errors):
            raise PlanDiffersError(f"{planned.data} is not {ordinary.data}")

    async def _answer(self, asked: ExecutionContext, context: Context) -> ExecutionResult:
        plan, operation = self._plan(asked, context), self._operation(asked)
        if context.sign_in is None:
            return ExecutionResult(plan.of_nobody(), None)
        user = context.sign_in.user
        if user is None:
            # A socket lives longer than what was read of its user.
            raise NotCoveredError("socket")
        pages = self._pages(plan, operation, asked, user)
        try:
            beside = plan.selection.beside
            row = await context.services.selections.read(user.id, plan.selection, pages) if beside else ()
            data = plan.answer(Asking(user, pages, row))
        except NotCoveredError as error:
            self._keep(_key_of(asked), error.reason)
            raise
        except FaultyValueError:
            raise
        except Exception as error:  # told at its field, as graphql-core tells what a resolver raises
            return _failed(plan, error)
        if not is_bounded(data):
            raise NotCoveredError("size")
        return ExecutionResult(data, None)

    def _pages(
        self, plan: Plan, operation: OperationDefinitionNode, asked: ExecutionContext, user: User
    ) -> Sequence[Keyset]:
        definitions = operation.variable_definitions or ()
        variables = get_variable_values(self._schema, definitions, asked.variables or {})
        if isinstance(variables, list):
            raise NotCoveredError("variables")
        try:
            return plan.pages(user, variables)
        except (Refusal, GraphQLError) as error:
            raise NotCoveredError("arguments") from error

    def _plan(self, asked: ExecutionContext, context: Context) -> Plan:
        key = _key_of(asked)
        found = self._known.get(key)
        now = time.monotonic()
        is_first = found is None or (isinstance(found, float) and now - found > _KNOWN_FOR_S)
        if self.mode is PlanMode.KNOWN and (context.sign_in is None or is_first) and not isinstance(found, Plan):
            if context.sign_in is not None:
                self._keep(key, now)
            raise NotCoveredError(found if isinstance(found, str) else "new")
        if found is None or isinstance(found, float):
            found = self._made(asked)
        self._keep(key, found)
        if isinstance(found, str):
            raise NotCoveredError(found)
        return found

    def _made(self, asked: ExecutionContext) -> Plan | str:
        """The document's plan, or why it has none."""
        assert asked.graphql_document is not None  # Strawberry executes what it has parsed
        try:
            return plan_of(self._schema, asked.graphql_document, self._operation(asked))
        except NotCoveredError as error:
            return error.reason

    def _operation(self, asked: ExecutionContext) -> OperationDefinitionNode:
        assert asked.graphql_document is not None  # Strawberry executes what it has parsed
        operation = get_operation_ast(asked.graphql_document, asked.operation_name)
        assert operation is not None  # the document was validated
        return operation

    def _keep(self, key: _Key, what: Plan | str | float) -> None:
        self._known[key] = what
        self._known.move_to_end(key)
        if len(self._known) > DOCUMENTS_KEPT:
            self._known.popitem(last=False)


def _key_of(asked: ExecutionContext) -> _Key:
    return sha256((asked.query or "").encode()).digest(), asked.operation_name


def _failed(plan: Plan, error: Exception) -> ExecutionResult:
    node = next(node for node in plan.roots if node.name.value == "viewer")
    path = [(node.alias or node.name).value]
    return ExecutionResult(plan.of_nobody(), [GraphQLError(str(error), node, path=path, original_error=error)])
