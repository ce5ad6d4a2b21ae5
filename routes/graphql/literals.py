"""Where in a document a value stands that was refused."""

from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

Path = tuple[str | int, ...]


def with_field(error: GraphQLError, document: DocumentNode) -> GraphQLError:
    """The error with `extensions.field` where it is about a value: its path, the name of its argument first."""
    node = error.nodes[0] if error.nodes else None
    if not isinstance(node, ValueNode | ObjectFieldNode) or isinstance(node, VariableNode):
        return error
    values = _Values()
    visit(document, values)
    path = values.path_of(node)
    if path is not None:
        error.extensions = {**(error.extensions or {}), "field": list(path)}
    return error


class _Values(Visitor):
    """The values of all arguments, and the defaults of variables, by the names that they have in the document."""

    def __init__(self) -> None:
        super().__init__()
        self._found: list[tuple[Node, Path]] = []

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        self._found.append((node.value, (node.name.value,)))

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        if node.default_value is not None:
            self._found.append((node.default_value, (node.variable.name.value,)))

    def path_of(self, wanted: Node) -> Path | None:
        waiting = list(self._found)
        while waiting:
            node, path = waiting.pop()
            if node is wanted:
                return path
            if isinstance(node, ListValueNode):
                waiting.extend((item, (*path, index)) for index, item in enumerate(node.values))
            elif isinstance(node, ObjectValueNode):
                waiting.extend((field, (*path, field.name.value)) for field in node.fields)
            elif isinstance(node, ObjectFieldNode):
                waiting.append((node.value, path))
        return None
