"""Plays every promise of docs/reliability.md, and prints which are kept.

`python -m tests.drill.run [WORD...]` plays all, or those in which one of the words stands. It exits with 1 where one is
not kept, or could not be played.
"""

import sys
from dataclasses import dataclass, field

import pytest

from tests.drill.promises import PLAYS


@dataclass
class Recorder:
    """What became of each test: of its set-up, itself, and what it clears away."""

    became: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            before = self.became.get(report.nodeid, "passed")
            self.became[report.nodeid] = report.outcome if before == "passed" else before

    def of(self, play: str) -> list[str]:
        """The tests of a file or folder, or of one test in all its cases."""
        return [one for one in self.became if one == play or one.startswith((f"{play}::", f"{play}[", f"{play}/"))]


def main(words: list[str]) -> int:
    chosen = {name: plays for name, plays in PLAYS.items() if not words or any(word in name for word in words)}
    recorder = Recorder()
    pytest.main([*dict.fromkeys(play for plays in chosen.values() for play in plays)], plugins=[recorder])
    broken = 0
    for promise, plays in chosen.items():
        failed = [play for play in plays if not recorder.of(play)]
        failed += [one for play in plays for one in recorder.of(play) if recorder.became[one] != "passed"]
        broken += bool(failed)
        print(f"{'FAIL' if failed else 'pass'}  {promise}")  # noqa: T201  # what the command is for
        for one in failed:
            print(f"        {recorder.became.get(one, 'not played')}: {one}")  # noqa: T201
    print(f"{len(chosen) - broken} of {len(chosen)} promises kept")  # noqa: T201
    return 1 if broken or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
