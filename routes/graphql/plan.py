"""What a known document asks, of the database and of each request, and how its answer is written."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import FieldNode, GraphQLField, get_argument_values
from graphql.execution.values import VariableValues
from strawberry import UNSET
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from domain.ids import is_id
from domain.page import Form, Keyset
from domain.selection import NotCoveredError, Request, Selection
from domain.user import User
from resolvers.context import Context
from routes.graphql.asking import Asking, Fields
from schema.types.paging import Cursors, PageArguments
from schema.types.view import Paged

# The arguments of every list in pages.
BOUNDS: Final = ("first", "after", "last", "before")
# Each form of a request's pages has a statement of its own, which takes long to make: two lists can have 64.
_MAX_FORMS: Final = 8
# What a service gives for a request.
Gather = Callable[[Asking], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class AskedPage:
    """A list in pages, whose page the arguments of `node` say."""

    definition: GraphQLField
    node: FieldNode
    says: Paged


@dataclass(frozen=True, slots=True)
class AskedField:
    """A field with a resolver of its own, which takes its arguments."""

    definition: GraphQLField
    node: FieldNode
    field: StrawberryField


@dataclass(frozen=True, slots=True)
class AskedId:
    """An object that is asked for by an id of this kind."""

    definition: GraphQLField
    node: FieldNode
    kind: str


@dataclass(slots=True)
class Asked:
    """What is asked of a request beside its document, by places."""

    pages: list[AskedPage] = field(default_factory=list)
    ids: list[AskedId] = field(default_factory=list)
    fields: list[AskedField] = field(default_factory=list)
    given: list[tuple[GraphQLField, FieldNode]] = field(default_factory=list)
    gathered: list[Gather] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a document asks, and how its answer is written."""

    selection: Selection
    asked: Asked
    fields: Fields
    forms: set[tuple[Form, ...]] = field(default_factory=set)

    def asking(self, user: User | None, context: Context, variables: VariableValues) -> Asking:
        """What a request asks for. Raises Refusal, GraphQLError, and NotCoveredError beyond the first forms."""
        pages = [_keyset(asked, user, variables) for asked in self.asked.pages] if user is not None else []
        request = Request(pages, [_id(asked, variables) for asked in self.asked.ids])
        if request.form not in self.forms and len(self.forms) >= _MAX_FORMS:
            raise NotCoveredError("forms")
        self.forms.add(request.form)
        arguments = [_arguments(asked, variables) for asked in self.asked.fields]
        given = [get_argument_values(definition, node, variables) for definition, node in self.asked.given]
        return Asking(user, context, request, arguments, given)

    async def gather(self, asking: Asking) -> None:
        """Have services give what no statement reads."""
        for gather in self.asked.gathered:
            asking.gathered.append(await gather(asking))

    def answer(self, asking: Asking) -> dict[str, Any]:
        """The answer's data. Raises FaultyValueError, and NotCoveredError where something must be read first."""
        return {name: write(asking, asking) for name, write in self.fields}


def _keyset(asked: AskedPage, user: User, variables: VariableValues) -> Keyset:
    given = get_argument_values(asked.definition, asked.node, variables)
    says = asked.says
    if not says.is_own and (given.get("after") is not None or given.get("before") is not None):
        # A cursor is of one object's list, and the page is of each object.
        raise NotCoveredError("cursor")
    bounds = PageArguments(*(given.get(name, UNSET) for name in BOUNDS))
    return Cursors(says.name, user.id, *says.order, key=says.key_parts).keyset(bounds)


def _id(asked: AskedId, variables: VariableValues) -> str:
    """What is asked for; empty, which is no object's, where it cannot be an id of this kind."""
    (given,) = get_argument_values(asked.definition, asked.node, variables).values()
    return given if is_id(given, asked.kind) else ""


def _arguments(asked: AskedField, variables: VariableValues) -> Mapping[str, Any]:
    """The arguments of a resolver of a field's own, which are scalars."""
    given = get_argument_values(asked.definition, asked.node, variables)
    names = {to_camel_case(argument.python_name): argument.python_name for argument in asked.field.arguments}
    return {names[name]: value for name, value in given.items()}
