"""A known document as a tree of what it asks, and as the function that writes its answer from what was read.

Fields say what they show by the words of `schema/types/view.py`. A document with any other field has no plan.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLLeafType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    visit,
)
from graphql.execution.values import VariableValues
from strawberry import UNSET
from strawberry.schema.schema_converter import GraphQLCoreConverter

from domain.page import Form, Keyset
from domain.selection import Beside, FaultyValueError, NotCoveredError, Row, Selection
from domain.user import User
from routes.graphql.selected import SelectedFields
from schema.types.paging import Cursors, PageArguments, PageOf
from schema.types.view import Listed, Paged, Related, Shown, reader_of, says_of

_VIEWER: Final = "viewer"
_TYPENAME: Final = "__typename"
_BOUNDS: Final = ("first", "after", "last", "before")
# Each form of a request's pages has a statement of its own, which takes long to make: two lists can have 64.
_MAX_FORMS: Final = 8


@dataclass(frozen=True, slots=True)
class Asking:
    """One request for a document: the viewer, the pages that it asks for, and what was read for it."""

    user: User
    pages: Sequence[Keyset]
    row: Row


Read = Callable[[Any], Any]
Write = Callable[[Any, Asking], Any]
Fields = Sequence[tuple[str, Write]]


@dataclass(frozen=True, slots=True)
class _AskedPage:
    definition: GraphQLField
    node: FieldNode
    says: Paged


@dataclass(frozen=True, slots=True)
class Plan:
    """What a document asks, and how its answer is written. `roots` are the names that the viewer answers to."""

    roots: Sequence[FieldNode]
    selection: Selection
    asked_pages: Sequence[_AskedPage]
    fields: Fields
    forms: set[tuple[Form, ...]] = field(default_factory=set)

    def pages(self, user: User, variables: VariableValues) -> list[Keyset]:
        """Which pages a request asks for. Raises InvalidInput, and NotCoveredError beyond the first forms of pages."""
        pages = [_keyset(asked, user, variables) for asked in self.asked_pages]
        form = tuple(page.form for page in pages)
        if form not in self.forms and len(self.forms) >= _MAX_FORMS:
            raise NotCoveredError("forms")
        self.forms.add(form)
        return pages

    def answer(self, asking: Asking) -> dict[str, Any]:
        """The answer's data. Raises FaultyValueError."""
        return {name: write(asking, asking) for name, write in self.fields}

    def of_nobody(self) -> dict[str, Any]:
        """The answer's data where nobody is signed in, or the viewer could not be read."""
        return {_name_of(node): "Query" if node.name.value == _TYPENAME else None for node in self.roots}


def plan_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Plan:
    """The plan of a valid operation. Raises NotCoveredError."""
    if operation.operation is not OperationType.QUERY:
        raise NotCoveredError("operation")
    fragments = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    for definition in (operation, *fragments):
        visit(definition, _NoDirective())
    return _Compiling(schema, document).plan(operation)


class _NoDirective(Visitor):
    def enter_directive(self, *_: object) -> None:
        raise NotCoveredError("directive")


def _keyset(asked: _AskedPage, user: User, variables: VariableValues) -> Keyset:
    given = get_argument_values(asked.definition, asked.node, variables)
    for name, argument in asked.definition.args.items():
        value = given.get(argument.out_name or name)
        if name not in _BOUNDS and value is not None and value != argument.default_value:
            raise NotCoveredError("arguments")
    says = asked.says
    if not says.is_own and (given.get("after") is not None or given.get("before") is not None):
        # A cursor is of one object's list, and the page is of each object.
        raise NotCoveredError("cursor")
    bounds = PageArguments(*(given.get(name, UNSET) for name in _BOUNDS))
    return Cursors(says.name, user.id, *says.order, key=says.key_parts).keyset(bounds)


class _Source(Protocol):
    """Where the fields of an object are read from."""

    def attribute(self, path: str) -> Read: ...
    def beside(self, beside: Beside) -> Read: ...


class _Object:
    """An object of the domain: a value within a row."""

    def attribute(self, path: str) -> Read:
        return reader_of(path)

    def beside(self, beside: Beside) -> Read:
        raise NotCoveredError("value")


class _Viewer:
    """The user, who was read with the session, and what was read beside."""

    def __init__(self) -> None:
        self.asked: list[Beside] = []

    def attribute(self, path: str) -> Read:
        read = reader_of(path)
        return lambda asking: read(asking.user)

    def beside(self, beside: Beside) -> Read:
        place = len(self.asked)
        self.asked.append(beside)
        return lambda asking: asking.row[place]


@dataclass(slots=True)
class _Row:
    """A row: its attributes, then what lies beside it, from the place that is known once all fields are."""

    attributes: list[str] = field(default_factory=list)
    asked: list[Beside] = field(default_factory=list)

    def attribute(self, path: str) -> Read:
        if not path:
            raise NotCoveredError("value")
        name, _, rest = path.partition(".")
        if name not in self.attributes:
            self.attributes.append(name)
        place = self.attributes.index(name)
        if not rest:
            return lambda row: row[place]
        read = reader_of(rest)
        return lambda row: None if row[place] is None else read(row[place])

    def beside(self, beside: Beside) -> Read:
        # Counted from the end, since more attributes may follow: the first that was asked stands last.
        self.asked.append(beside)
        place = -len(self.asked)
        return lambda row: row[place]

    def selection(self) -> Selection:
        return Selection(tuple(self.attributes), tuple(reversed(self.asked)))


class _Compiling:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._selected = SelectedFields(schema, document)
        self._pages: list[_AskedPage] = []

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        query, viewer = self._schema.query_type, _Viewer()
        assert query is not None  # the schema has a query
        fields: list[tuple[str, Write]] = []
        roots: list[FieldNode] = []
        for name, nodes in self._selected.of(query, [operation.selection_set]).items():
            roots.append(nodes[0])
            root = nodes[0].name.value
            if root == _TYPENAME:
                fields.append((name, _constant(query.name)))
            elif root == _VIEWER:
                user = get_named_type(query.fields[root].type)
                assert isinstance(user, GraphQLObjectType)
                fields.append((name, _object(self._fields(user, nodes, viewer))))
            else:
                raise NotCoveredError("root")
        return Plan(roots, Selection((), tuple(viewer.asked)), self._pages, fields)

    def _fields(self, shown: GraphQLObjectType, nodes: Sequence[FieldNode], source: _Source) -> Fields:
        merged = self._selected.of(shown, [node.selection_set for node in nodes if node.selection_set is not None])
        return [(name, self._field(shown, found, source)) for name, found in merged.items()]

    def _field(self, shown: GraphQLObjectType, nodes: Sequence[FieldNode], source: _Source) -> Write:
        name = nodes[0].name.value
        if name == _TYPENAME:
            return _constant(shown.name)
        definition = shown.fields[name]
        is_nullable = not isinstance(definition.type, GraphQLNonNull)
        says = says_of(definition.extensions[GraphQLCoreConverter.DEFINITION_BACKREF])
        given = get_named_type(definition.type)
        match says:
            case Shown(path):
                if is_list_type(get_nullable_type(definition.type)):
                    raise NotCoveredError("list")
                if is_leaf_type(given):
                    return _leaf(source.attribute(path), given, is_nullable)
                assert isinstance(given, GraphQLObjectType)
                if not path:
                    return _object(self._fields(given, nodes, source))
                return _nested(source.attribute(path), _object(self._fields(given, nodes, _Object())), is_nullable)
            case Related(relation, key):
                row, write = self._row_of(given, nodes)
                return _nested(source.beside(Beside(relation, row.selection(), key=key)), write, is_nullable)
            case Listed(relation):
                row, write = self._row_of(given, nodes)
                return _list(source.beside(Beside(relation, row.selection())), write)
            case Paged():
                return self._page(definition, nodes, says, source)
            case None:
                raise NotCoveredError("field")

    def _row_of(self, shown: object, nodes: Sequence[FieldNode]) -> tuple[_Row, Write]:
        assert isinstance(shown, GraphQLObjectType)
        row = _Row()
        return row, _object(self._fields(shown, nodes, row))

    def _page(self, definition: GraphQLField, nodes: Sequence[FieldNode], says: Paged, source: _Source) -> Write:
        number = len(self._pages)
        self._pages.append(_AskedPage(definition, nodes[0], says))
        row, parent_id = _Row(), source.attribute("id")
        key = [row.attribute(part) for part in says.key]
        connection = get_named_type(definition.type)
        assert isinstance(connection, GraphQLObjectType)
        selected = [node.selection_set for node in nodes if node.selection_set is not None]
        fields = [
            (name, self._of_connection(connection, found, row))
            for name, found in self._selected.of(connection, selected).items()
        ]
        read = source.beside(Beside(says.relation, row.selection(), page=number))

        def write(found: Any, asking: Asking) -> Any:
            cursors = Cursors(says.name, parent_id(found), *says.order)
            page = _Page(PageOf(read(found), asking.pages[number]), cursors, key)
            return {name: write_field(page, asking) for name, write_field in fields}

        return write

    def _of_connection(self, connection: GraphQLObjectType, nodes: Sequence[FieldNode], row: _Row) -> Write:
        name = nodes[0].name.value
        if name == _TYPENAME:
            return _constant(connection.name)
        if name not in ("edges", "pageInfo"):
            raise NotCoveredError("field")
        shown = get_named_type(connection.fields[name].type)
        assert isinstance(shown, GraphQLObjectType)
        selected = [node.selection_set for node in nodes if node.selection_set is not None]
        merged = self._selected.of(shown, selected)
        if name == "pageInfo":
            parts = [(part, _of_page(shown, found[0].name.value)) for part, found in merged.items()]
            return lambda page, asking: {part: write(page, asking) for part, write in parts}
        edge = [(part, self._of_edge(shown, found, row)) for part, found in merged.items()]
        return lambda page, asking: [
            {part: write((page, item), asking) for part, write in edge} for item in page.page.items
        ]

    def _of_edge(self, edge: GraphQLObjectType, nodes: Sequence[FieldNode], row: _Row) -> Write:
        name = nodes[0].name.value
        if name == _TYPENAME:
            return _constant(edge.name)
        if name == "cursor":
            return lambda at, asking: at[0].cursor_of(at[1])
        shown = get_named_type(edge.fields[name].type)
        assert isinstance(shown, GraphQLObjectType)
        write = _object(self._fields(shown, nodes, row))
        return lambda at, asking: write(at[1], asking)


@dataclass(frozen=True, slots=True)
class _Page:
    page: PageOf[Any]
    cursors: Cursors
    key: Sequence[Read]

    def cursor_of(self, item: Row) -> str:
        return self.cursors.cursor_of(tuple(part(item) for part in self.key))


def _of_page(shown: GraphQLObjectType, name: str) -> Write:
    """A field of `pageInfo`."""
    match name:
        case "hasNextPage":
            return lambda page, asking: page.page.has_next
        case "hasPreviousPage":
            return lambda page, asking: page.page.has_previous
        case "startCursor":
            return lambda page, asking: page.cursor_of(page.page.items[0]) if page.page.items else None
        case "endCursor":
            return lambda page, asking: page.cursor_of(page.page.items[-1]) if page.page.items else None
        case "__typename":
            return _constant(shown.name)
    raise NotCoveredError("field")


def _name_of(node: FieldNode) -> str:
    return (node.alias or node.name).value


def _constant(value: str) -> Write:
    return lambda source, asking: value


def _object(fields: Fields) -> Write:
    return lambda source, asking: {name: write(source, asking) for name, write in fields}


def _leaf(read: Read, shown: GraphQLLeafType, is_nullable: bool) -> Write:
    serialize = shown.serialize

    def write(source: Any, asking: Asking) -> Any:
        value = read(source)
        if value is None:
            return _absent(is_nullable)
        try:
            return serialize(value)
        except (ValueError, TypeError, GraphQLError) as error:
            raise FaultyValueError from error

    return write


def _nested(read: Read, write: Write, is_nullable: bool) -> Write:
    def write_nested(source: Any, asking: Asking) -> Any:
        value = read(source)
        return _absent(is_nullable) if value is None else write(value, asking)

    return write_nested


def _list(read: Read, write: Write) -> Write:
    return lambda source, asking: [write(one, asking) for one in read(source)]


def _absent(is_nullable: bool) -> None:
    if not is_nullable:
        raise FaultyValueError
