"""Processes of the gateway, as its command line starts them.

Most are forked from one that has imported the gateway already: each is a process of its own, which may be killed, and
starts in a tenth of the time.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Protocol

from gateway.cli import main

_FORKS: Final = multiprocessing.get_context("forkserver")
# None of `gateway.commands`: their consoles look at the terminal and the environment of the process that runs them.
_FORKS.set_forkserver_preload(["gateway.app", "gateway.mock.sandbox_link", "gateway.assembly.internet"])


class Running(Protocol):
    """What of `subprocess.Popen` is used here."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...


class Forked:
    """A process that was forked."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: Path | Connection,
        errors: Path,
        folder: Path | None = None,
    ) -> None:
        kwargs = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "output": output,
            "errors": errors,
            "folder": folder,
        }
        # A process that a test forgot ends with the tests.
        self._process = _FORKS.Process(target=_run, kwargs=kwargs, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError
        return self._process.exitcode

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def executed(
    arguments: Sequence[str], *, environment: Mapping[str, str], log: Path, folder: Path | None = None
) -> Running:
    """A process that imports everything itself: that of another release, or one that is measured."""
    with log.open("ab") as to:
        command = [sys.executable, "-m", "gateway", *arguments]
        return subprocess.Popen(command, env=dict(environment), stdout=to, stderr=to, cwd=folder)


def completed(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, timeout: float = 90
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, with what it printed. Raises TimeoutError."""
    with tempfile.TemporaryDirectory() as kept:
        output, errors = Path(kept, "output"), Path(kept, "errors")
        running = Forked(arguments, environment=environment, output=output, errors=errors, folder=folder)
        try:
            code = running.wait(timeout)
        except TimeoutError:
            running.send_signal(9)
            raise
        return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())


def _run(
    *,
    arguments: list[str],
    environment: dict[str, str],
    output: Path | Connection,
    errors: Path,
    folder: Path | None,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    if folder is not None:
        os.chdir(folder)
    for target, number in ((output, 1), (errors, 2)):
        if isinstance(target, Path):
            with target.open("ab") as to:
                os.dup2(to.fileno(), number)
        else:
            os.dup2(target.fileno(), number)
    sys.argv = ["gateway", *arguments]
    main()
