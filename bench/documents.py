"""What does a document cost before it is executed, and which is the worst that is accepted?

`python -m bench.documents 2000` reads each document that was thought of, then looks for a worse one in 2,000 tries. It
fails where an accepted document takes more than 50 ms of CPU.
"""

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from graphql import GraphQLError, OperationDefinitionNode, parse
from hypothesis import HealthCheck, Phase, Verbosity, given, settings, target
from hypothesis import strategies as st

from bench.machine import heading, tell
from domain.operation_cost import CostLimit
from routes.graphql import validation
from routes.graphql.cost import cost_of, valued
from routes.graphql.document_limits import MAX_TOKENS
from routes.graphql.schema import served_schema

AT_MOST_MS: Final = 50
_LIMIT: Final = CostLimit().limit
_FIELDS: Final = (
    "id",
    "name",
    "bankLinks { edges { node { id } } }",
    "payments(first: 1, filter: {statuses: [SETTLED, FAILED]}) { edges { node { id amount { currency } } } }",
    "bankAccounts { edges { node { bankLink { accounts { id } } } } }",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A document by what makes it large. The three attacks that were played are shapes, too."""

    siblings: int = 1
    field: int = 0
    aliases: int = 0
    depth: int = 1
    fragments: int = 0
    spreads: int = 1
    operations: int = 1
    variables: int = 0
    uses: int = 0
    directives: int = 0
    newlines: int = 0

    def text(self) -> str:
        """The document."""
        field = _FIELDS[self.field % len(_FIELDS)] + " @include(if: true) @skip(if: false)" * (self.directives > 0)
        inner = " ".join([f"a{n}: id" for n in range(self.aliases)] + [field] * self.siblings) or "id"
        for _ in range(self.depth - 1):
            inner = f"... on User {{ {inner} }}"
        spread = "...F0 " * self.spreads if self.fragments else ""
        used = "".join(f"$v{n % max(self.variables, 1)} " for n in range(self.uses))
        asked = f"nodes(ids: [{used}]) {{ id }}" if self.variables and self.uses else ""
        declared = ", ".join(f"$v{n}: ID!" for n in range(self.variables))
        head = f"({declared})" if declared else ""
        body = f"{{ viewer {{ {spread}{inner} }} {asked} }}"
        named = " ".join(f"query Q{n}{head} {body}" for n in range(self.operations))
        onward = min(self.spreads, 2)
        chained = [f"fragment F{n} on User {{ {f'...F{n + 1} ' * onward} id }}" for n in range(self.fragments - 1)]
        last = [f"fragment F{self.fragments - 1} on User {{ {inner} }}"] if self.fragments else []
        return "\n" * self.newlines + " ".join([named, *chained, *last])


PLAYED: Final = {
    "60 fragments that double": Shape(fragments=60, spreads=2),
    "lists in lists": Shape(field=4),
    "280 equal siblings": Shape(field=2, siblings=240),
    "1,000 fields": Shape(siblings=950),
    "as many fragments as are allowed": Shape(fragments=50, spreads=1, siblings=15),
    "20 operations": Shape(operations=20, variables=2, uses=25),
    "240 variables": Shape(variables=200, uses=200),
    "directives": Shape(siblings=48, directives=1),
    "empty lines": Shape(newlines=99_000, siblings=20),
}


def _some(default: int, most: int) -> st.SearchStrategy[int]:
    """Most parts of a document stay small, or every document would have too many tokens."""
    return st.just(default) | st.integers(default, 20) | st.integers(default, most)


_SHAPES: Final = st.builds(
    Shape,
    siblings=_some(1, 980),
    field=st.integers(0, len(_FIELDS) - 1),
    aliases=_some(0, 50),
    depth=st.integers(1, 14),
    fragments=_some(0, 50),
    spreads=_some(1, 99),
    operations=_some(1, 20),
    variables=_some(0, 240),
    uses=_some(0, 900),
    directives=st.integers(0, 1),
    newlines=_some(0, 5_000),
)


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of a document, and the CPU that it took before anything was executed."""

    shape: Shape
    cpu_ms: float
    refusal: str | None

    def __str__(self) -> str:
        text = self.shape.text()
        shown = text.strip()[:100].replace("\n", " ")
        return f"{self.cpu_ms:6.1f} ms  {len(text):>6} bytes  {self.refusal or 'accepted'}: {shown}"


def examined(shape: Shape) -> Examined:
    """Read a document as a first request with it does: no cache knows it."""
    text = shape.text()
    # A collection of what others have left behind is not this document's.
    gc.disable()
    try:
        begun = time.process_time()
        refusal = _refusal_of(text)
        cpu_ms = (time.process_time() - begun) * 1000
    finally:
        gc.enable()
    return Examined(shape, cpu_ms, refusal)


def worst_of(tries: int, judge: Callable[[Shape], Examined] = examined) -> Examined:
    """The document that took the most among the accepted ones, by a search that goes where the CPU is spent."""
    found = [judge(shape) for shape in PLAYED.values()]

    @settings(
        max_examples=tries,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(_SHAPES)
    def look(shape: Shape) -> None:
        one = judge(shape)
        target(one.cpu_ms if one.refusal is None else 0.0)
        found.append(one)

    look()
    accepted = [one for one in found if one.refusal is None]
    # Measured again: a machine that is busy makes any document look bad once.
    worst = sorted(accepted, key=lambda one: one.cpu_ms)[-3:]
    again = [replace(one, cpu_ms=min(judge(one.shape).cpu_ms for _ in range(2))) for one in worst]
    return max(again, key=lambda one: one.cpu_ms)


def _refusal_of(text: str) -> str | None:
    schema = served_schema()
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        return error.message
    faults = validation.faults_in.__wrapped__(schema, document, False, True)
    if faults:
        return str(faults[0].message)
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    cost = valued(cost_of(schema, document, operation), {})
    return f"costs {cost}" if cost > _LIMIT else None


def main() -> None:
    tell(heading())
    served_schema()
    for name, shape in PLAYED.items():
        tell(f"{name:<34} {examined(shape)}")
    worst = worst_of(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
    tell(f"{'the worst that was found':<34} {worst}\n{worst.shape}")
    if worst.cpu_ms > AT_MOST_MS:
        sys.exit(f"An accepted document takes more than {AT_MOST_MS} ms before it is executed.")


if __name__ == "__main__":
    main()
