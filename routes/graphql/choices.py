"""What of a document its variables decide: which fields are left out, and of which kind the `node`s are.

Each choice has a plan of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    Visitor,
    print_ast,
    value_from_ast_untyped,
    visit,
)

from domain import ids
from domain.ids import kind_of
from domain.relation import Relation
from domain.selection import NotCoveredError

# Each more would double the plans of a document.
_MOST_CONDITIONS: Final = 3
# What `node` finds by one statement, and its type, by the kind of its id.
NODES: Final[Mapping[str, tuple[str, Relation]]] = {
    ids.PAYMENT: ("Payment", Relation.PAYMENT),
    ids.ACCOUNT: ("BankAccount", Relation.ACCOUNT),
    ids.BANK_LINK: ("BankLink", Relation.BANK_LINK),
    ids.UPLOAD: ("Upload", Relation.UPLOAD),
    ids.CARD: ("Card", Relation.OWN_CARDS),
    ids.DATA_EXPORT: ("DataExport", Relation.OWN_EXPORTS),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The values of the variables by which fields are left out, and the kinds of ids of the `node`s."""

    conditions: tuple[tuple[str, bool], ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()


class Choices:
    """Of one operation. Raises NotCoveredError where too many variables leave fields out."""

    def __init__(self, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        found = _Deciding()
        fragments = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
        for definition in (operation, *fragments):
            visit(definition, found)
        if len(found.conditions) > _MOST_CONDITIONS:
            raise NotCoveredError("directive")
        self._conditions = sorted(found.conditions)
        self._ids = found.ids

    def of(self, variables: Mapping[str, Any]) -> Choice:
        """What the coerced variables of a request choose.

        Raises NotCoveredError for no boolean, and for a kind of ids that no statement finds, of which clients can make
        up any number.
        """
        conditions = tuple((name, variables.get(name)) for name in self._conditions)
        if not all(isinstance(value, bool) for _, value in conditions):
            raise NotCoveredError("directive")
        kinds = [(text, _kind(value_from_ast_untyped(node, dict(variables)))) for text, node in self._ids.items()]
        if not all(kind in NODES for _, kind in kinds):
            raise NotCoveredError("node")
        return Choice(tuple((name, value is True) for name, value in conditions), tuple(kinds))


def id_text(node: FieldNode) -> str:
    """By which `Choice.kinds` knows the id that a `node` asks for."""
    return print_ast(next(iter(node.arguments or ())).value)


def _kind(given: object) -> str:
    return kind_of(given) if isinstance(given, str) else ""


class _Deciding(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.conditions: set[str] = set()
        self.ids: dict[str, ValueNode] = {}

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.conditions |= {
            argument.value.name.value for argument in node.arguments or () if isinstance(argument.value, VariableNode)
        }

    def enter_field(self, node: FieldNode, *_: object) -> None:
        # The `node` of an edge has no arguments.
        if node.name.value == "node" and node.arguments:
            self.ids[id_text(node)] = next(iter(node.arguments)).value
