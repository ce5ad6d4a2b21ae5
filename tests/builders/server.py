"""The gateway as a newcomer starts it: `gateway serve` in a process of its own, on a free port."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path

from tests.builders.processes import Forked
from tests.builders.roomy import ROOMY_ENVIRONMENT


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def served(folder: Path, port: int | None = None, /, **settings: str) -> Iterator[str]:
    """Gives the address once it can be opened; stops with SIGTERM. The same `folder` and `port` start it again."""
    port = port or free_port()
    url = f"http://localhost:{port}"
    environment = {
        **os.environ,
        **ROOMY_ENVIRONMENT,
        "PORT": str(port),
        "PUBLIC_URL": url,
        "DATABASE_URL": f"sqlite:///{folder}/served.sqlite3",
        "SANDBOX_PATH": f"{folder}/served-sandbox.sqlite3",
        **settings,
    }
    reading, writing = Pipe(duplex=False)
    process = Forked(["serve"], environment=environment, output=writing, errors=folder / "serve.log")
    # Else the end of the process would not be read as the end of its output.
    writing.close()
    try:
        with open(reading.fileno(), "rb", closefd=False) as output:
            announced = [output.readline() for _ in range(3)]
        assert all(announced), (folder / "serve.log").read_text()
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        reading.close()
