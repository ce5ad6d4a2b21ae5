"""Which documents have plans, and answering by them: whole, or not at all, and then in the ordinary way."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
)
from graphql.execution.values import VariableValues, get_variable_values
from prometheus_client import Counter
from strawberry.types import ExecutionContext

from domain.errors import Refusal
from domain.selection import FaultyValueError, NotCoveredError, PlanMode
from resolvers.context import Context
from routes.graphql.answer_size import is_bounded
from routes.graphql.asking import Asking
from routes.graphql.choices import Choice, Choices
from routes.graphql.compiling import plan_of
from routes.graphql.plan import Plan
from routes.graphql.validation import DOCUMENTS_KEPT

ANSWERS: Final = Counter(
    "drop_graphql_plans_total", "Operations by what answered: a plan, or graphql-core for this reason.", ["by"]
)
# A document that is used again within this time is worth a plan.
_KNOWN_FOR_S: Final = 600.0
# A plan that answers less of its requests than this costs more than it spares: it reads, and graphql-core reads again.
_JUDGED_AFTER: Final = 100
_FALLBACKS_AT_MOST: Final = 10
# What the variables of a document choose has a plan for each choice.
_MAX_CHOICES: Final = 16
# The hash of a document, and the operation in it.
_Key = tuple[bytes, str | None]


class PlanDiffersError(Exception):
    """A plan has answered otherwise than graphql-core."""


@dataclass(slots=True)
class _Document:
    """The plans of a document by what its variables choose, or why a choice has none.

    Never an error: each time that one is raised, it holds the frames, and so the request, of that time, too.
    """

    choices: Choices
    plans: dict[Choice, Plan | str] = field(default_factory=dict)
    uses: int = 0
    fallbacks: int = 0

    def note(self, *, has_answered: bool) -> None:
        """Count a request. Of a hundred, few may have been read in vain: then all go the ordinary way."""
        self.uses += 1
        self.fallbacks += not has_answered
        if self.uses < _JUDGED_AFTER and self.fallbacks < _FALLBACKS_AT_MOST:
            return
        if self.fallbacks >= _FALLBACKS_AT_MOST:
            self.plans = dict.fromkeys(self.plans, "dropped")
        self.uses = self.fallbacks = 0


class Plans:
    """The plans of one process, of the documents that were used last."""

    def __init__(self, schema: GraphQLSchema, mode: PlanMode) -> None:
        self.mode = mode
        self._schema = schema
        # A document's plans, why it has none, or when it was first used.
        self._known: OrderedDict[_Key, _Document | str | float] = OrderedDict()

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
            faults = [error.original_error for error in planned.errors or ()]
            raise PlanDiffersError(f"{planned.data} {faults} is not {ordinary.data}")

    async def _answer(self, asked: ExecutionContext, context: Context) -> ExecutionResult:
        document, operation = self._document(asked, context), _operation_of(asked)
        if context.sign_in is not None and context.sign_in.user is None:
            # A socket lives longer than what was read of its user.
            raise NotCoveredError("socket")
        variables = self._variables(operation, asked)
        choice = document.choices.of(variables.coerced)
        plan = self._plan(document, choice, asked)
        try:
            asking = plan.asking(context.sign_in.user if context.sign_in else None, context, variables)
        except (Refusal, GraphQLError) as error:
            raise NotCoveredError("arguments") from error
        try:
            data = await _read(plan, asking)
            if not is_bounded(data):
                raise FaultyValueError
        except NotCoveredError as error:
            if error.reason != "banks":  # which are read by the ordinary way, and known from then on
                document.plans[choice] = error.reason
            raise
        except Refusal as error:  # what a client sent wrong is told at its field by the ordinary way
            raise NotCoveredError("arguments") from error
        except FaultyValueError:
            document.note(has_answered=False)
            raise
        except Exception as error:  # told at its field, as graphql-core tells what a resolver raises
            return await _failed(plan, asking, error)
        document.note(has_answered=True)
        return ExecutionResult(data, None)

    def _variables(self, operation: OperationDefinitionNode, asked: ExecutionContext) -> VariableValues:
        found = get_variable_values(self._schema, operation.variable_definitions or (), asked.variables or {})
        if isinstance(found, list):
            raise NotCoveredError("variables")
        return found

    def _document(self, asked: ExecutionContext, context: Context) -> _Document:
        key = _key_of(asked)
        found = self._known.get(key)
        now = time.monotonic()
        is_first = found is None or (isinstance(found, float) and now - found > _KNOWN_FOR_S)
        if self.mode is PlanMode.KNOWN and (context.sign_in is None or is_first) and not isinstance(found, _Document):
            if context.sign_in is not None:
                self._keep(key, now)
            raise NotCoveredError(found if isinstance(found, str) else "new")
        if found is None or isinstance(found, float):
            found = _made(_parsed(asked), _operation_of(asked))
        self._keep(key, found)
        if isinstance(found, str):
            raise NotCoveredError(found)
        return found

    def _plan(self, document: _Document, choice: Choice, asked: ExecutionContext) -> Plan:
        found = document.plans.get(choice)
        if found is None:
            if len(document.plans) >= _MAX_CHOICES:
                raise NotCoveredError("forms")
            try:
                found = plan_of(self._schema, _parsed(asked), _operation_of(asked), choice)
            except NotCoveredError as error:
                found = error.reason
            document.plans[choice] = found
        if isinstance(found, str):
            raise NotCoveredError(found)
        return found

    def _keep(self, key: _Key, what: _Document | str | float) -> None:
        self._known[key] = what
        self._known.move_to_end(key)
        if len(self._known) > DOCUMENTS_KEPT:
            self._known.popitem(last=False)


async def _read(plan: Plan, asking: Asking) -> dict[str, Any]:
    await plan.gather(asking)
    if asking.user is not None and plan.selection.beside:
        selections = asking.context.services.selections
        asking.row = await selections.read(asking.user.id, plan.selection, asking.request)
    return plan.answer(asking)


def _made(document: DocumentNode, operation: OperationDefinitionNode) -> _Document | str:
    """What the document chooses by, or why it has no plan."""
    try:
        return _Document(Choices(document, operation))
    except NotCoveredError as error:
        return error.reason


def _parsed(asked: ExecutionContext) -> DocumentNode:
    assert asked.graphql_document is not None  # Strawberry executes what it has parsed
    return asked.graphql_document


def _operation_of(asked: ExecutionContext) -> OperationDefinitionNode:
    operation = get_operation_ast(_parsed(asked), asked.operation_name)
    assert operation is not None  # the document was validated
    return operation


def _key_of(asked: ExecutionContext) -> _Key:
    return sha256((asked.query or "").encode()).digest(), asked.operation_name


async def _failed(plan: Plan, asking: Asking, error: Exception) -> ExecutionResult:
    """What nobody reads is null, and the error is told at the first of it; what needs no database is answered."""
    nobodys = replace(asking, user=None, gathered=[])
    await plan.gather(nobodys)
    data = plan.answer(nobodys)
    name = next(name for name, value in data.items() if value is None)
    return ExecutionResult(data, [GraphQLError(str(error), path=[name], original_error=error)])
