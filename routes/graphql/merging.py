"""Whether fields that share a response name can be merged (GraphQL, 5.3.2), found without comparing them in pairs.

Being the same is transitive, so each field is compared with the first of its name, and equal siblings are merged as
they are met: 280 of them cost 280 steps, where pairs would be 39,060.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    is_leaf_type,
    print_ast,
)
from graphql.utilities.sort_value_node import sort_value_node

_AMBIGUOUS: Final = "Use different aliases to ask for both."


@dataclass(frozen=True, slots=True)
class _Found:
    """A field where it is selected; `type` is None where the schema knows none, which other rules tell."""

    node: FieldNode
    parent: GraphQLNamedType | None
    type: GraphQLOutputType | None


_Groups = dict[str, list[_Found]]


def conflicts(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """The first conflict of each operation. Its time grows with the fields that the fragments expand to."""
    merging = _Merging(schema, document)
    operations = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return [error for error in map(merging.conflict_of, operations) if error is not None]


class _Merging:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        # By the identity of a value: a fragment that is spread many times is written out once.
        self._written: dict[int, str] = {}

    def conflict_of(self, operation: OperationDefinitionNode) -> GraphQLError | None:
        selected = [(operation.selection_set, self._schema.get_root_type(operation.operation))]
        groups = self._grouped(selected)
        return self._other_field(groups) or self._other_shape(groups)

    def _other_shape(self, groups: _Groups) -> GraphQLError | None:
        """What answers to one name has one shape, whichever object it is read from."""
        for name, found in groups.items():
            known = [(one, one.type) for one in found if one.type is not None]
            for other, its_type in known[1:]:
                first, first_type = known[0]
                if _differ(first_type, its_type):
                    return _conflict(name, first, other, f"their types are {first_type} and {its_type}")
            inner = self._other_shape(self._within(found))
            if inner is not None:
                return inner
        return None

    def _other_field(self, groups: _Groups) -> GraphQLError | None:
        """What may be read from one object is one field with the same arguments."""
        for name, found in groups.items():
            for together in _of_one_object(found):
                first = together[0]
                for other in together[1:]:
                    if first.node.name.value != other.node.name.value:
                        return _conflict(name, first, other, "they are different fields")
                    if self._arguments(first.node) != self._arguments(other.node):
                        return _conflict(name, first, other, "their arguments differ")
                inner = self._other_field(self._within(together))
                if inner is not None:
                    return inner
        return None

    def _within(self, found: Sequence[_Found]) -> _Groups:
        return self._grouped(
            (one.node.selection_set, get_named_type(one.type) if one.type is not None else None)
            for one in found
            if one.node.selection_set is not None
        )

    def _grouped(self, selected: Iterable[tuple[SelectionSetNode, GraphQLNamedType | None]]) -> _Groups:
        groups: _Groups = {}
        spread: set[str] = set()
        for selections, parent in selected:
            for one in self._fields(selections, parent, spread):
                name = (one.node.alias or one.node.name).value
                groups.setdefault(name, []).append(one)
        return groups

    def _fields(
        self, selections: SelectionSetNode, parent: GraphQLNamedType | None, spread: set[str]
    ) -> Iterator[_Found]:
        waiting = [(node, parent) for node in reversed(selections.selections)]
        while waiting:
            node, parent = waiting.pop()
            if isinstance(node, FieldNode):
                yield _Found(node, parent, self._type_of(node, parent))
                continue
            inner: InlineFragmentNode | FragmentDefinitionNode | None
            if isinstance(node, InlineFragmentNode):
                inner = node
            else:
                assert isinstance(node, FragmentSpreadNode)
                # The same fragment adds nothing when it is spread into one object again.
                inner = None if node.name.value in spread else self._fragments.get(node.name.value)
                spread.add(node.name.value)
            if inner is not None:
                condition = inner.type_condition
                narrowed = self._schema.get_type(condition.name.value) if condition else parent
                waiting.extend((selected, narrowed) for selected in reversed(inner.selection_set.selections))

    def _type_of(self, node: FieldNode, parent: GraphQLNamedType | None) -> GraphQLOutputType | None:
        """None of `__typename`, too: graphql-core and graphql-js compare no type with its own."""
        fields: Mapping[str, object] = getattr(parent, "fields", {})
        return getattr(fields.get(node.name.value), "type", None)

    def _arguments(self, node: FieldNode) -> dict[str, str]:
        return {argument.name.value: self._text_of(argument.value) for argument in node.arguments or ()}

    def _text_of(self, value: ValueNode) -> str:
        if id(value) not in self._written:
            self._written[id(value)] = print_ast(sort_value_node(value))
        return self._written[id(value)]


def _of_one_object(found: Sequence[_Found]) -> Iterator[list[_Found]]:
    """The fields that one object may answer: those of each object type, with those of interfaces in each."""
    shared = [one for one in found if not isinstance(one.parent, GraphQLObjectType)]
    own: dict[str, list[_Found]] = {}
    for one in found:
        if isinstance(one.parent, GraphQLObjectType):
            own.setdefault(one.parent.name, []).append(one)
    yield from ([*shared, *of_type] for of_type in own.values())
    if not own:
        yield shared


def _differ(first: GraphQLOutputType, other: GraphQLOutputType) -> bool:
    while isinstance(first, GraphQLList | GraphQLNonNull):
        if not isinstance(other, type(first)):
            return True
        first, other = first.of_type, other.of_type
    if isinstance(other, GraphQLList | GraphQLNonNull):
        return True
    return first is not other and (is_leaf_type(first) or is_leaf_type(other))


def _conflict(name: str, first: _Found, other: _Found, why: str) -> GraphQLError:
    message = f"Fields '{name}' conflict because {why}. {_AMBIGUOUS}"
    return GraphQLError(message, [first.node, other.node])
