"""How large a document may be once its fragments are expanded, found without expanding them.

Depth limiters and some of the specification's rules walk a fragment once for each of its spreads, so that 60 fragments
that each spread the next one twice would keep a process busy for good.
"""

from collections import Counter
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
)

MAX_FRAGMENTS: Final = 50
MAX_SPREADS: Final = 100
# No more than the longest document could select by itself: a fragment shortens a document and asks for no more.
MAX_SELECTIONS: Final = 2_000
_Spreads = Counter[str]


def refusal_of(document: DocumentNode) -> GraphQLError | None:
    """Why the document must not be validated, or None. Each selection is visited once, so the time is linear."""
    fragments: dict[str, tuple[int, _Spreads]] = {}
    operations: list[tuple[int, _Spreads]] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            if definition.name.value in fragments:
                return GraphQLError(f"There can be only one fragment named '{definition.name.value}'.", definition)
            fragments[definition.name.value] = _selections_of(definition)
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(_selections_of(definition))
    everything = [*fragments.values(), *operations]
    if len(fragments) > MAX_FRAGMENTS:
        return _too_complex(f"The document has {len(fragments)} fragments; {MAX_FRAGMENTS} are allowed.")
    spreads = sum(found.total() for _, found in everything)
    if spreads > MAX_SPREADS:
        return _too_complex(f"The document has {spreads} fragment spreads; {MAX_SPREADS} are allowed.")
    unknown = {name for _, found in everything for name in found} - fragments.keys()
    if unknown:
        return GraphQLError(f"Unknown fragment '{min(unknown)}'.", document)
    sizes = _sizes_of(fragments)
    if len(sizes) < len(fragments):
        return _too_complex("The document has fragments that spread themselves.")
    asked = sum(_expanded(*found, sizes) for found in operations)
    # A fragment that no operation spreads is walked by some rules, too.
    if max(asked, *sizes.values(), 0) > MAX_SELECTIONS:
        return _too_complex(f"The document selects more than {MAX_SELECTIONS} fields once its fragments are expanded.")
    return None


def _selections_of(definition: FragmentDefinitionNode | OperationDefinitionNode) -> tuple[int, _Spreads]:
    """How many selections stand in a definition, and which fragments it spreads how often."""
    count, spreads = 0, _Spreads()
    waiting: list[SelectionNode] = list(definition.selection_set.selections)
    while waiting:
        node = waiting.pop()
        count += 1
        if isinstance(node, FragmentSpreadNode):
            spreads[node.name.value] += 1
        elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set is not None:
            waiting.extend(node.selection_set.selections)
    return count, spreads


def _sizes_of(fragments: dict[str, tuple[int, _Spreads]]) -> dict[str, int]:
    """Each fragment's selections once it is expanded; a fragment that reaches a cycle has none."""
    spread_by: dict[str, list[str]] = {name: [] for name in fragments}
    missing = {name: len(spreads) for name, (_, spreads) in fragments.items()}
    for name, (_, spreads) in fragments.items():
        for inner in spreads:
            spread_by[inner].append(name)
    ready, sizes = [name for name, count in missing.items() if not count], dict[str, int]()
    while ready:
        name = ready.pop()
        sizes[name] = _expanded(*fragments[name], sizes)
        for outer in spread_by[name]:
            missing[outer] -= 1
            if not missing[outer]:
                ready.append(outer)
    return sizes


def _expanded(count: int, spreads: _Spreads, sizes: dict[str, int]) -> int:
    return count + sum(sizes[name] * times for name, times in spreads.items())


def _too_complex(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "QUERY_TOO_COMPLEX"})
