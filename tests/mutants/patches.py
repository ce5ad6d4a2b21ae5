"""The faults that are kept: one patch a file, with what it breaks and the tests that must fail."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path(__file__).parent
_KILLED_BY: Final = "Killed by: "


class Unreadable(Exception):
    """A patch whose first lines do not say what it breaks, or which tests fail by it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault put in by hand. `says` is what goes wrong by it, `tests` are pytest's names of tests that then fail."""

    path: Path
    says: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    def apply(self, root: Path, *options: str) -> str:
        """Put the fault into a copy of the sources, by its context. Gives what hinders it, empty where nothing."""
        command = ["git", "apply", *options, str(self.path)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        return done.stderr.strip() if done.returncode else ""


def mutants() -> list[Mutant]:
    """All of them by name. Raises Unreadable."""
    return [_read(path) for path in sorted(FOLDER.glob("*.patch"))]


def _read(path: Path) -> Mutant:
    head = path.read_text().partition("\n--- a/")[0].splitlines()
    tests = tuple(line.removeprefix(_KILLED_BY) for line in head if line.startswith(_KILLED_BY))
    if not tests or not head[0].endswith("."):
        raise Unreadable(f"{path.name}: begin with a sentence and a line `{_KILLED_BY}tests/...::test_...`")
    return Mutant(path, head[0], tests)
