"""What an operation costs at most, by the schema's `@cost` and `@listSize`.

A document is turned once into what its variables decide: an operation without variables in its page sizes is a number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    value_from_ast_untyped,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from routes.graphql.selected import SelectedFields
from schema.types.cost import Cost, ListSize
from schema.types.paging import MAX_PAGE

# Asking for the schema itself, by how much of it each gives; what is in it costs nothing more.
_INTROSPECTION: Final = {"__schema": 2_500, "__type": 100, "__typename": 0}

Variables = Mapping[str, Any]
# A number, or what gives it for the variables of a request.
Amount = int | Callable[[Variables], int]


def cost_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Amount:
    """The cost of a valid operation: 1 for each object, and the weights of fields. Linear in what it expands to."""
    root = schema.get_root_type(operation.operation)
    assert root is not None  # the document is valid
    return _Costs(schema, document, operation).of_object(root, [operation.selection_set], {})


def valued(amount: Amount, variables: Variables) -> int:
    """The cost for the variables of a request, as they were sent."""
    return amount if isinstance(amount, int) else amount(variables)


class _Costs:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._fields = SelectedFields(schema, document)
        self._defaults = {
            node.variable.name.value: value_from_ast_untyped(node.default_value)
            for node in operation.variable_definitions or ()
            if node.default_value is not None
        }

    def of_object(
        self, shown: GraphQLObjectType, selected: Iterable[SelectionSetNode], sizes: Mapping[str, Amount]
    ) -> Amount:
        """What the fields of one object cost. `sizes` are those of its lists that the field before it gave."""
        return _sum(self._of_field(shown, nodes, sizes) for nodes in self._fields.of(shown, selected).values())

    def _of_field(self, shown: GraphQLObjectType, nodes: Sequence[FieldNode], sizes: Mapping[str, Amount]) -> Amount:
        name = nodes[0].name.value
        if name in _INTROSPECTION:
            return _INTROSPECTION[name]
        field = shown.fields[name]
        weight = _weight_of(field)
        given = get_named_type(field.type)
        if is_leaf_type(given):
            return weight
        size = list_size_of(field)
        counted = self._counted(nodes[0], size) if size is not None else 1
        inner_sizes = {named: counted for named in size.sized_fields or ()} if size is not None else {}
        selected = [node.selection_set for node in nodes if node.selection_set is not None]
        kinds = self._schema.get_possible_types(given) if is_abstract_type(given) else [given]
        each = _sum([1, _most(self.of_object(kind, selected, inner_sizes) for kind in kinds)])
        if name in sizes:
            return _sum([weight, _product(sizes[name], each)])
        return _sum([weight, _product(counted, each) if _is_list(field.type) else each])

    def _counted(self, node: FieldNode, size: ListSize) -> Amount:
        assumed = size.assumed_size or 0
        named = size.slicing_arguments or ()
        slicing = [one.value for one in node.arguments or () if one.name.value in named]
        known = [self._size_given(value, assumed) for value in slicing if not isinstance(value, NullValueNode)]
        return _most(known) if known else assumed

    def _size_given(self, value: ValueNode, assumed: int) -> Amount:
        if isinstance(value, IntValueNode):
            return _bounded(int(value.value))
        if isinstance(value, ListValueNode):
            return _bounded(len(value.values))
        if not isinstance(value, VariableNode):
            return assumed
        name, default = value.name.value, self._defaults.get(value.name.value)

        def by_variable(variables: Variables) -> int:
            given = variables.get(name, default)
            if isinstance(given, list):
                return _bounded(len(given))
            if isinstance(given, int):
                return _bounded(given)
            return assumed

        return by_variable


def _weight_of(field: GraphQLField) -> int:
    return sum(int(found.weight) for found in _directives_of(field) if isinstance(found, Cost))


def list_size_of(field: GraphQLField) -> ListSize | None:
    """What the schema says about the length of a field's list."""
    return next((found for found in _directives_of(field) if isinstance(found, ListSize)), None)


def _directives_of(field: GraphQLField) -> Sequence[object]:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return definition.directives if definition is not None else ()


def _is_list(shown: GraphQLOutputType) -> bool:
    return isinstance(shown.of_type if isinstance(shown, GraphQLNonNull) else shown, GraphQLList)


def _bounded(count: int) -> int:
    """A page of more, or of less than none, is refused by the field itself."""
    return min(max(count, 0), MAX_PAGE)


def _sum(amounts: Iterable[Amount]) -> Amount:
    fixed, open_ones = _parted(amounts)
    total = sum(fixed)
    if not open_ones:
        return total
    return lambda variables: total + sum(amount(variables) for amount in open_ones)


def _most(amounts: Iterable[Amount]) -> Amount:
    fixed, open_ones = _parted(amounts)
    most = max(fixed, default=0)
    if not open_ones:
        return most
    return lambda variables: max(most, *(amount(variables) for amount in open_ones))


def _product(first: Amount, other: Amount) -> Amount:
    if isinstance(first, int) and isinstance(other, int):
        return first * other
    return lambda variables: valued(first, variables) * valued(other, variables)


def _parted(amounts: Iterable[Amount]) -> tuple[list[int], list[Callable[[Variables], int]]]:
    fixed: list[int] = []
    open_ones: list[Callable[[Variables], int]] = []
    for amount in amounts:
        if isinstance(amount, int):
            fixed.append(amount)
        else:
            open_ones.append(amount)
    return fixed, open_ones
