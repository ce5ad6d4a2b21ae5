"""The search for the worst document finds a rule that is quadratic, and none among those that are served."""

from typing import Any

import pytest
from graphql import ValidationRule, VariableNode

from bench.documents import AT_MOST_MS, PLAYED, examined, worst_of
from routes.graphql import validation


class Quadratic(ValidationRule):
    """Looks at each use of a variable once for each use before it."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._before: list[str] = []

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        for _one in range(200):
            assert "" not in self._before
        self._before.append(node.name.value)


def test_the_search_finds_a_planted_quadratic_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "RULES", (*validation.RULES, Quadratic))

    planted = worst_of(40)

    assert planted.cpu_ms > AT_MOST_MS
    assert planted.shape.operations * planted.shape.uses > 100


@pytest.mark.parametrize("name", PLAYED)
def test_a_document_that_was_played_takes_little_before_it_is_executed(name: str) -> None:
    # A busy machine makes any document look bad once.
    assert min(examined(PLAYED[name]).cpu_ms for _ in range(3)) < 2 * AT_MOST_MS
