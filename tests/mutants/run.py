"""Puts each fault into a copy of the sources and runs the tests that must fail.

`python -m tests.mutants.run [NAME...]` exits with 1 where a fault survives, or can no longer be put in.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutants.patches import ROOT, Mutant, mutants

_AT_ONCE: Final = 2
_WITHIN_S: Final = 600
_FAILED: Final = 1  # pytest's own: some tests have failed; from 2 on it could not run them


def copy_sources(folder: Path) -> Path:
    """A copy of what git knows, with what is new, to put faults into."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def play(mutant: Mutant, sources: Path) -> str:
    """What became of the fault: killed, or which of its tests did not fail. The sources are as before afterwards."""
    hindrance = mutant.apply(sources)
    if hindrance:
        return f"does not apply: {hindrance}"
    try:
        left = [test for test in mutant.tests if not _fails(test, sources)]
    finally:
        mutant.apply(sources, "--reverse")
    return f"SURVIVED {', '.join(left)}" if left else "killed"


def _fails(test: str, sources: Path) -> bool:
    # The copy comes first: the environment's own sources are those that were copied.
    environment = {**os.environ, "PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    try:
        done = subprocess.run(
            command, cwd=sources, env=environment, capture_output=True, check=False, timeout=_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return True  # a fault may make a test wait for ever
    return done.returncode == _FAILED


def main(names: list[str]) -> int:
    chosen = [mutant for mutant in mutants() if not names or mutant.name in names]
    copies = SimpleQueue[Path]()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        for number in range(_AT_ONCE):
            copies.put(copy_sources(Path(folder) / str(number)))

        def played(mutant: Mutant) -> str:
            sources = copies.get()
            try:
                return play(mutant, sources)
            finally:
                copies.put(sources)

        not_killed = 0
        for mutant, became in zip(chosen, pool.map(played, chosen), strict=True):
            not_killed += became != "killed"
            print(f"{mutant.name}: {became}", flush=True)  # noqa: T201  # what the command is for
    print(f"{len(chosen) - not_killed} of {len(chosen)} killed")  # noqa: T201
    return 1 if not_killed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
