"""What a figure was measured on: commit, machine, versions."""

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version


def heading() -> str:
    changed = " with changes" if _git("status", "--porcelain") else ""
    return (
        f"commit {_git('rev-parse', '--short', 'HEAD')}{changed}; {os.cpu_count()} cores, {platform.machine()}; "
        f"Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')}, asyncpg {version('asyncpg')}"
    )


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def at(values: Sequence[float], share: float) -> float:
    """The value below which the given share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def open_files() -> None:
    """Raise the limit of open files: each socket needs a file here and in the gateway, which inherits the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
