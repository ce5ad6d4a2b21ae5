"""A known document as a plan: a tree of what it asks, and the function that writes its answer.

Fields say what they show by the words of `schema/types/view.py`, or have resolvers that wait for nothing. A document
with any other field has no plan.
"""

from collections.abc import Sequence
from inspect import isawaitable
from operator import attrgetter
from typing import Any, Final, cast

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from domain.relation import Relation
from domain.selection import Beside, FaultyValueError, NotCoveredError, Selection
from routes.graphql.asking import Asking, Fields, OfMade, OfRow, OfValue, OfViewer, Read, Source, Write
from routes.graphql.choices import NODES, Choice, id_text
from routes.graphql.page_writer import Page, of_page
from routes.graphql.plan import BOUNDS, Asked, AskedField, AskedId, AskedPage, Gather, Plan
from routes.graphql.selected import SelectedFields
from routes.graphql.writers import bank, constant, each, leaf, nested, of_object, signed_in, value_of
from schema.types.paging import Cursors, PageOf
from schema.types.view import Found, Listed, Paged, Related, Shown, View, says_of

_TYPENAME: Final = "__typename"
# Roots that ask neither the database nor a vendor.
_FROM_MEMORY: Final = frozenset({"plans", "features", "serviceStatus", "bankConsentText"})
# A sign-in ends by what is configured today, which no column tells.
_GATHERED: Final = frozenset({Relation.OWN_SESSIONS})


def plan_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, choice: Choice) -> Plan:
    """The plan of a valid operation. Raises NotCoveredError."""
    if operation.operation is not OperationType.QUERY:
        raise NotCoveredError("operation")
    return _Compiling(schema, document, choice).plan(operation)


class _Compiling:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, choice: Choice) -> None:
        self._schema = schema
        self._selected = SelectedFields(schema, document, dict(choice.conditions))
        self._kinds = dict(choice.kinds)
        self._asked = Asked()
        self._beside: list[Beside] = []

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        query = self._schema.query_type
        assert query is not None  # the schema has a query
        selected = self._selected.of(query, [operation.selection_set])
        fields = [(name, self._root(query, nodes)) for name, nodes in selected.items()]
        return Plan(Selection((), tuple(self._beside)), self._asked, fields)

    def _root(self, query: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Write:
        name = nodes[0].name.value
        if name == _TYPENAME:
            return constant(query.name)
        definition = query.fields.get(name)
        if definition is None:  # `__schema` and `__type` are fields of any schema's query
            raise NotCoveredError("root")
        if name == "viewer":
            user = get_named_type(definition.type)
            assert isinstance(user, GraphQLObjectType)
            return signed_in(of_object(self._fields(user, nodes, self._viewer(user))))
        if name == "node":
            return self._node(definition, nodes)
        if name not in _FROM_MEMORY:
            raise NotCoveredError("root")
        return self._from_memory(definition, nodes)

    def _viewer(self, user: GraphQLObjectType) -> OfViewer:
        return OfViewer(_view(user), self._beside)

    def _node(self, definition: GraphQLField, nodes: Sequence[FieldNode]) -> Write:
        kind = self._kinds[id_text(nodes[0])]
        name, relation = NODES[kind]
        shown = self._schema.get_type(name)
        assert isinstance(shown, GraphQLObjectType)
        row, write = self._row_of(shown, nodes)
        beside = Beside(relation, row.selection(), wanted=self._place_of_id(definition, nodes[0], kind))
        read = OfViewer(_view(shown), self._beside).beside(beside)
        return signed_in(nested(read, write, True))

    def _place_of_id(self, definition: GraphQLField, node: FieldNode, kind: str) -> int:
        self._asked.ids.append(AskedId(definition, node, kind))
        return len(self._asked.ids) - 1

    def _from_memory(self, definition: GraphQLField, nodes: Sequence[FieldNode]) -> Write:
        """A root that asks nobody: its resolver is called before."""
        known, arguments = _field_of(definition), self._arguments(definition, nodes[0])
        resolver = known.base_resolver
        assert resolver is not None  # each root has one

        async def gather(asking: Asking) -> Any:
            try:
                given = resolver(*_of_request(known, asking), **asking.arguments[arguments])
                return await given if isawaitable(given) else given
            except Exception as error:  # told at its field by the ordinary way
                raise FaultyValueError from error

        place = self._gathered(gather)
        write = value_of(definition.type, self._made(definition, nodes))
        return lambda _, asking: write(asking.gathered[place], asking)

    def _gathered(self, gather: Gather) -> int:
        self._asked.gathered.append(gather)
        return len(self._asked.gathered) - 1

    def _arguments(self, definition: GraphQLField, node: FieldNode) -> int:
        self._asked.fields.append(AskedField(definition, node, _field_of(definition)))
        return len(self._asked.fields) - 1

    def _fields(self, shown: GraphQLObjectType, nodes: Sequence[FieldNode], source: Source) -> Fields:
        merged = self._selected.of(shown, [node.selection_set for node in nodes if node.selection_set is not None])
        return [(name, self._field(shown, found, source)) for name, found in merged.items()]

    def _field(self, shown: GraphQLObjectType, nodes: Sequence[FieldNode], source: Source) -> Write:
        name = nodes[0].name.value
        if name == _TYPENAME:
            return constant(shown.name)
        definition = shown.fields[name]
        is_nullable = not isinstance(definition.type, GraphQLNonNull)
        says, given = says_of(_field_of(definition)), get_named_type(definition.type)
        match says:
            case Shown(path):
                if is_list_type(get_nullable_type(definition.type)):
                    raise NotCoveredError("list")
                if is_leaf_type(given):
                    return leaf(source.attribute(path), given, is_nullable)
                assert isinstance(given, GraphQLObjectType)
                if not path:
                    return of_object(self._fields(given, nodes, source))
                inner = self._fields(given, nodes, OfValue(_view(given)))
                return nested(source.attribute(path), of_object(inner), is_nullable)
            case Related(Relation.BANK, key):
                assert isinstance(given, GraphQLObjectType)
                inner = self._fields(given, nodes, OfValue(_view(given)))
                return bank(source.attribute(key), of_object(inner))
            case Related(relation, key):
                row, write = self._row_of(given, nodes)
                return nested(source.beside(Beside(relation, row.selection(), key=key)), write, is_nullable)
            case Found(relation, kind):
                row, write = self._row_of(given, nodes)
                wanted = self._place_of_id(definition, nodes[0], kind)
                return nested(source.beside(Beside(relation, row.selection(), wanted=wanted)), write, is_nullable)
            case Listed(relation):
                row, write = self._row_of(given, nodes)
                return each(source.beside(Beside(relation, row.selection())), write)
            case Paged() if _is_narrowed(nodes[0]):
                return self._by_service(definition, nodes, source)
            case Paged():
                return self._page(definition, nodes, says, source)
            case None:
                return self._resolved(definition, nodes, source)

    def _resolved(self, definition: GraphQLField, nodes: Sequence[FieldNode], source: Source) -> Write:
        """A field that a resolver of its own answers, or the attribute of what such a resolver has made."""
        known = _field_of(definition)
        write, take = value_of(definition.type, self._made(definition, nodes)), source.object()
        resolver = known.base_resolver
        if resolver is None:
            read = attrgetter(known.python_name)
            return lambda found, asking: write(read(take(found)), asking)
        if known.is_async:
            return self._by_service(definition, nodes, source)
        arguments = self._arguments(definition, nodes[0])

        def resolve(found: Any, asking: Asking) -> Any:
            given = _of_request(known, asking)
            try:
                value = resolver(take(found), *given, **asking.arguments[arguments])
            except Exception as error:  # told at its field by the ordinary way
                raise FaultyValueError from error
            return write(value, asking)

        return resolve

    def _by_service(self, definition: GraphQLField, nodes: Sequence[FieldNode], source: Source) -> Write:
        """A field of the viewer's whose resolver waits: it is called before, with a statement of its own."""
        if not isinstance(source, OfViewer):
            raise NotCoveredError("field")
        write, viewer, resolve = (
            value_of(definition.type, self._made(definition, nodes)),
            source.object(),
            definition.resolve,
        )
        assert resolve is not None  # Strawberry gives each field one, which reads its arguments
        self._asked.given.append((definition, nodes[0]))
        number = len(self._asked.given) - 1

        async def gather(asking: Asking) -> Any:
            if asking.user is None:
                return None
            return await resolve(viewer(asking), cast("GraphQLResolveInfo[Any]", asking), **asking.given[number])

        place = self._gathered(gather)
        return lambda _, asking: write(asking.gathered[place], asking)

    def _made(self, definition: GraphQLField, nodes: Sequence[FieldNode]) -> Write | None:
        """Writes an object that a resolver has made; None for scalars and enums."""
        given = get_named_type(definition.type)
        if is_leaf_type(given):
            return None
        if not isinstance(given, GraphQLObjectType):
            raise NotCoveredError("type")
        if not issubclass(_class_of(given), View):
            return of_object(self._fields(given, nodes, OfMade()))
        write = of_object(self._fields(given, nodes, OfValue(_view(given))))
        return lambda view, asking: write(view.shows, asking)

    def _row_of(self, shown: object, nodes: Sequence[FieldNode]) -> tuple[OfRow, Write]:
        assert isinstance(shown, GraphQLObjectType)
        row = OfRow(_view(shown))
        return row, of_object(self._fields(shown, nodes, row))

    def _page(self, definition: GraphQLField, nodes: Sequence[FieldNode], says: Paged, source: Source) -> Write:
        number = len(self._asked.pages)
        self._asked.pages.append(AskedPage(definition, nodes[0], says))
        connection = get_named_type(definition.type)
        assert isinstance(connection, GraphQLObjectType)
        view = _view(_in(_in(connection, "edges"), "node"))
        row, parent_id = OfRow(view), source.attribute("id")
        item: Source = OfValue(view) if says.relation in _GATHERED else row
        key = [item.attribute(part) for part in says.key]
        selected = [node.selection_set for node in nodes if node.selection_set is not None]
        fields = [
            (name, self._of_connection(connection, found, item))
            for name, found in self._selected.of(connection, selected).items()
        ]
        if item is row:
            read = source.beside(Beside(says.relation, row.selection(), page=number))
        else:
            read = self._page_of_service(says.relation, number)

        def write(found: Any, asking: Asking) -> Any:
            cursors = Cursors(says.name, parent_id(found), *says.order)
            page = Page(PageOf(read(found), asking.request.pages[number]), cursors, key)
            return {name: write_field(page, asking) for name, write_field in fields}

        return write

    def _page_of_service(self, relation: Relation, number: int) -> Read:
        async def gather(asking: Asking) -> Any:
            if asking.user is None:
                return ()
            return await getattr(asking.context.pages, relation)(asking.request.pages[number])

        place = self._gathered(gather)
        return lambda asking: asking.gathered[place]

    def _of_connection(self, connection: GraphQLObjectType, nodes: Sequence[FieldNode], row: Source) -> Write:
        name = nodes[0].name.value
        if name == _TYPENAME:
            return constant(connection.name)
        if name not in ("edges", "pageInfo"):
            raise NotCoveredError("field")
        shown = _in(connection, name)
        selected = [node.selection_set for node in nodes if node.selection_set is not None]
        merged = self._selected.of(shown, selected)
        if name == "pageInfo":
            parts = [(part, of_page(shown, found[0].name.value)) for part, found in merged.items()]
            return lambda page, asking: {part: write(page, asking) for part, write in parts}
        edge = [(part, self._of_edge(shown, found, row)) for part, found in merged.items()]
        return lambda page, asking: [
            {part: write((page, item), asking) for part, write in edge} for item in page.page.items
        ]

    def _of_edge(self, edge: GraphQLObjectType, nodes: Sequence[FieldNode], row: Source) -> Write:
        name = nodes[0].name.value
        if name == _TYPENAME:
            return constant(edge.name)
        if name == "cursor":
            return lambda at, asking: at[0].cursor_of(at[1])
        shown = _in(edge, name)
        write = of_object(self._fields(shown, nodes, row))
        return lambda at, asking: write(at[1], asking)


def _field_of(definition: GraphQLField) -> StrawberryField:
    found = definition.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    assert isinstance(found, StrawberryField)
    return found


def _in(shown: GraphQLObjectType, name: str) -> GraphQLObjectType:
    """The type of the objects in a field."""
    found = get_named_type(shown.fields[name].type)
    assert isinstance(found, GraphQLObjectType)
    return found


def _is_narrowed(node: FieldNode) -> bool:
    """Whether a list is filtered, or in another order: no statement of a plan's is made of that."""
    return any(argument.name.value not in BOUNDS for argument in node.arguments or ())


def _class_of(shown: GraphQLObjectType) -> type:
    return shown.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin  # type: ignore[no-any-return]  # Strawberry's


def _view(shown: GraphQLObjectType) -> type[View[Any]]:
    found = _class_of(shown)
    assert issubclass(found, View)
    return found


def _of_request(known: StrawberryField, asking: Asking) -> Sequence[Any]:
    """What a resolver takes of the request: `info`, of which ours read the context alone."""
    assert known.base_resolver is not None
    return (asking,) if known.base_resolver.info_parameter is not None else ()
