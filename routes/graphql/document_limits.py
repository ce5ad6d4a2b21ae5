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
# Each error counts the lines before it.
MAX_LINES: Final = 5_000
MAX_FRAGMENTS: Final = 50
MAX_SPREADS: Final = 100
MAX_DEPTH: Final = 15
MAX_ALIASES: Final = 50
MAX_DIRECTIVES: Final = 100
# Rules walk what the fragments expand to once for each operation.
MAX_OPERATIONS: Final = 20
# Fields and fragments, as the fragments expand to them.
MAX_SELECTIONS: Final = 1_000
# What fragments expand to can pass what a client's number holds.
_MOST_TOLD: Final = 2**31 - 1
# Where counting begins in an introspection field: tools ask twice as deep for a type that wraps types.
_INTROSPECTED: Final = -MAX_DEPTH


@dataclass(frozen=True, slots=True)
class _Size:
    """What a definition asks for once its fragments are expanded."""

    fields: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0


@dataclass(slots=True)
class _Written:
    """What stands in a definition itself, and the depth at which it spreads a fragment, once for each spread."""

    fields: int = 0
    aliases: int = 0
    directives: int = 0
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
    lines = len(document.loc.source.body.splitlines()) if document.loc is not None else 0
    if lines > MAX_LINES:
        return too_complex("lines", MAX_LINES, lines)
    if len(operations) > MAX_OPERATIONS:
        return too_complex("operations", MAX_OPERATIONS, len(operations))
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


def too_costly(limit: int, asked: int) -> GraphQLError:
    """The refusal of an operation whose lists may hold too many objects together."""
    extensions = {"code": ErrorCode.QUERY_TOO_COMPLEX, "limit": limit, "asked": min(asked, _MOST_TOLD)}
    message = f"The operation may cost {limit}, and costs {extensions['asked']}: ask for shorter pages."
    return GraphQLError(message, extensions=extensions)


def _too_large(sizes: Mapping[str, _Size], operations: list[_Size]) -> GraphQLError | None:
    # A fragment that no operation spreads is walked by some rules, too.
    every = [_sum_of(operations), *sizes.values()]
    for what, limit, asked in (
        ("levels", MAX_DEPTH, max(size.depth for size in every)),
        ("aliases", MAX_ALIASES, max(size.aliases for size in every)),
        ("directives", MAX_DIRECTIVES, max(size.directives for size in every)),
        ("fields", MAX_SELECTIONS, max(size.fields for size in every)),
    ):
        if asked > limit:
            return too_complex(what, limit, asked)
    return None


def _sum_of(operations: list[_Size]) -> _Size:
    return _Size(
        sum(size.fields for size in operations),
        sum(size.aliases for size in operations),
        sum(size.directives for size in operations),
        max((size.depth for size in operations), default=0),
    )


def _written(definition: FragmentDefinitionNode | OperationDefinitionNode) -> _Written:
    found = _Written(directives=_directives_of(definition))
    waiting: list[tuple[SelectionNode, int]] = [(node, 0) for node in definition.selection_set.selections]
    while waiting:
        node, depth = waiting.pop()
        found.fields += 1
        found.directives += len(node.directives or ())
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


def _directives_of(definition: FragmentDefinitionNode | OperationDefinitionNode) -> int:
    variables = definition.variable_definitions or ()
    return len(definition.directives or ()) + sum(len(variable.directives or ()) for variable in variables)


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
        written.directives + sum(size.directives for size, _ in inner),
        max([written.depth, *(depth + size.depth for size, depth in inner)]),
    )
