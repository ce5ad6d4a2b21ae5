"""The fields that a valid document selects of an object, with its fragments written out."""

from collections.abc import Iterable, Mapping
from typing import Final

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    is_abstract_type,
)

_CONDITIONAL: Final = (GraphQLSkipDirective.name, GraphQLIncludeDirective.name)


class SelectedFields:
    """Of one document. Without `conditions`, the variables of `@skip` and `@include`, all fields are selected."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, conditions: Mapping[str, bool] | None = None
    ) -> None:
        self._schema = schema
        self._conditions = conditions
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }

    def of(self, shown: GraphQLObjectType, selected: Iterable[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The fields by the names that they answer to, in the order of the answer (GraphQL, 6.3.2)."""
        merged: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for selections in selected:
            waiting = [iter(selections.selections)]
            while waiting:
                node = next(waiting[-1], None)
                if node is None:
                    waiting.pop()
                elif self._is_left_out(node):
                    continue
                elif isinstance(node, FieldNode):
                    merged.setdefault((node.alias or node.name).value, []).append(node)
                elif not isinstance(node, FragmentSpreadNode) or node.name.value not in spread:
                    inner = self._inner(node, spread)
                    if self._applies(inner, shown):
                        waiting.append(iter(inner.selection_set.selections))
        return merged

    def _is_left_out(self, node: SelectionNode) -> bool:
        if self._conditions is None or not node.directives:
            return False
        return any(
            self._is_true(next(iter(directive.arguments or ())).value)
            is (directive.name.value == GraphQLSkipDirective.name)
            for directive in node.directives
            if directive.name.value in _CONDITIONAL
        )

    def _is_true(self, condition: ValueNode) -> bool:
        if isinstance(condition, VariableNode):
            return (self._conditions or {})[condition.name.value]
        return isinstance(condition, BooleanValueNode) and condition.value

    def _inner(self, node: object, spread: set[str]) -> InlineFragmentNode | FragmentDefinitionNode:
        if isinstance(node, FragmentSpreadNode):
            spread.add(node.name.value)
            return self._fragments[node.name.value]
        assert isinstance(node, InlineFragmentNode)
        return node

    def _applies(self, fragment: InlineFragmentNode | FragmentDefinitionNode, shown: GraphQLObjectType) -> bool:
        if fragment.type_condition is None:
            return True
        wanted = self._schema.get_type(fragment.type_condition.name.value)
        return wanted is shown or (is_abstract_type(wanted) and self._schema.is_sub_type(wanted, shown))
