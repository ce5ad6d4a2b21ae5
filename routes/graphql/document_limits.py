"""How large a document may be once its fragments are expanded, found without expanding them.

Depth limiters and some of the specification's rules walk a fragment once for each of its spreads, so that 60 fragments
that each spread the next one twice would keep a process busy for good.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
)

from domain.error_code import ErrorCode

MAX_TOKENS: Final = 2_000
MAX_FRAGMENTS: Final = 50
MAX_SPREADS: Final = 100
MAX_DEPTH: Final = 15
MAX_ALIASES: Final = 50
# No more than the longest document could select by itself: a fragment shortens a document and asks for no more.
MAX_SELECTIONS: Final = 2_000
# What fragments expand to can pass what a client's number holds.
_MOST_TOLD: Final = 2**31 - 1
# So far below zero that nothing in an introspection field counts as depth.
_INTROSPECTED: Final = -MAX_TOKENS


@dataclass(frozen=True, slots=True)
class _Size:
    """What a definition asks for once its fragments are expanded."""

    fields: int = 0
    aliases: int = 0
    depth: int = 0


@dataclass(slots=True)
class _Written:
    """What stands in a definition itself, and the depth at which it spreads a fragment, once for each spread."""

    fields: int = 0
    aliases: int = 0
    depth: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)


def refusal_of(document: DocumentNode) -> GraphQLError | None:
    """Why the document must not be validated, or None. Each selection is visited once, so the time is linear."""
    fragments: dict[str, _Written] = {}
    operations: list[_Written] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            if definition.name.value in fragments:
                return GraphQLError(f"There can be only one fragment named '{definition.name.value}'.", definition)
            fragments[definition.name.value] = _written(definition)
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(_written(definition))
    spread = [name for found in (*fragments.values(), *operations) for name, _ in found.spreads]
    if len(fragments) > MAX_FRAGMENTS:
        return too_complex("fragments", MAX_FRAGMENTS, len(fragments))
    if len(spread) > MAX_SPREADS:
        return too_complex("fragment spreads", MAX_SPREADS, len(spread))
    unknown = set(spread) - fragments.keys()
    if unknown:
        return GraphQLError(f"Unknown fragment '{min(unknown)}'.", document)
    sizes = _sizes_of(fragments)
    if len(sizes) < len(fragments):
        extensions = {"code": ErrorCode.QUERY_TOO_COMPLEX}
        return GraphQLError("The document has fragments that spread themselves.", extensions=extensions)
    return _too_large(sizes, [_expanded(operation, sizes) for operation in operations])


def limit_met(error: GraphQLSyntaxError) -> GraphQLError | None:
    """The refusal where parsing stopped at a limit; None where the syntax is wrong."""
    if f"contains more than {MAX_TOKENS} tokens" in error.message:
        return too_complex("tokens", MAX_TOKENS, MAX_TOKENS + 1)
    if "is nested too deeply" in error.message:
        return too_complex("levels", MAX_DEPTH, MAX_DEPTH + 1)
    return None


def too_complex(what: str, limit: int, asked: int) -> GraphQLError:
    """The refusal of a document that asks for more than a limit allows; `asked` is what it asks for at least."""
    extensions = {"code": ErrorCode.QUERY_TOO_COMPLEX, "limit": limit, "asked": min(asked, _MOST_TOLD)}
    return GraphQLError(f"The document asks for too many {what}: {limit} are allowed.", extensions=extensions)


def _too_large(sizes: Mapping[str, _Size], operations: list[_Size]) -> GraphQLError | None:
    # A fragment that no operation spreads is walked by some rules, too.
    every = [*operations, *sizes.values()]
    for what, limit, asked in (
        ("levels", MAX_DEPTH, max((size.depth for size in every), default=0)),
        ("aliases", MAX_ALIASES, sum(size.aliases for size in operations)),
        ("fields", MAX_SELECTIONS, max(sum(size.fields for size in operations), *(size.fields for size in every), 0)),
    ):
        if asked > limit:
            return too_complex(what, limit, asked)
    return None


def _written(definition: FragmentDefinitionNode | OperationDefinitionNode) -> _Written:
    found = _Written()
    waiting: list[tuple[SelectionNode, int]] = [(node, 0) for node in definition.selection_set.selections]
    while waiting:
        node, depth = waiting.pop()
        found.fields += 1
        if isinstance(node, FragmentSpreadNode):
            found.spreads.append((node.name.value, depth))
            continue
        assert isinstance(node, FieldNode | InlineFragmentNode)
        if isinstance(node, FieldNode):
            found.aliases += node.alias is not None
            depth = _INTROSPECTED if node.name.value.startswith("__") else depth + (node.selection_set is not None)
            found.depth = max(found.depth, depth)
        if node.selection_set is not None:
            waiting.extend((inner, depth) for inner in node.selection_set.selections)
    return found


def _sizes_of(fragments: Mapping[str, _Written]) -> dict[str, _Size]:
    """Each fragment's size; one that reaches a cycle has none."""
    spread_by: dict[str, list[str]] = {name: [] for name in fragments}
    missing = {name: len(written.spreads) for name, written in fragments.items()}
    for name, written in fragments.items():
        for inner, _ in written.spreads:
            spread_by[inner].append(name)
    ready, sizes = [name for name, count in missing.items() if not count], dict[str, _Size]()
    while ready:
        name = ready.pop()
        sizes[name] = _expanded(fragments[name], sizes)
        for outer in spread_by[name]:
            missing[outer] -= 1
            if not missing[outer]:
                ready.append(outer)
    return sizes


def _expanded(written: _Written, sizes: Mapping[str, _Size]) -> _Size:
    inner = [(sizes[name], depth) for name, depth in written.spreads]
    return _Size(
        written.fields + sum(size.fields for size, _ in inner),
        written.aliases + sum(size.aliases for size, _ in inner),
        max([written.depth, *(depth + size.depth for size, depth in inner)]),
    )
