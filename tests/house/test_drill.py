"""Each promise of docs/reliability.md has what plays it. `make drill` plays them."""

from pathlib import Path

from tests.drill.promises import PLAYS, promises

ROOT = Path(__file__).parents[2]


def test_each_promise_has_its_drill_and_each_drill_its_promise() -> None:
    made = promises()

    assert len(made) > 20
    assert sorted(made) == sorted(PLAYS)
    assert all(PLAYS.values())


def test_each_drill_names_tests_that_there_are() -> None:
    missing = [play for plays in PLAYS.values() for play in plays if not _is_there(play)]

    assert missing == []


def _is_there(play: str) -> bool:
    path, _, name = play.partition("::")
    if not name:
        return (ROOT / path).exists()
    return f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")
