"""The gateway as a newcomer starts it: `gateway serve` in a process of its own, on a free port."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[str]:
    """Gives the address once it can be opened; stops with SIGTERM."""
    port = free_port()
    url = f"http://localhost:{port}"
    environment = {
        **os.environ,
        "PORT": str(port),
        "PUBLIC_URL": url,
        "DATABASE_URL": f"sqlite:///{folder}/served.sqlite3",
        "SANDBOX_PATH": f"{folder}/served-sandbox.sqlite3",
        **settings,
    }
    log = (folder / "serve.log").open("wb")
    command = [sys.executable, "-m", "gateway", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log) as process, log:
        assert process.stdout is not None
        try:
            announced = [process.stdout.readline() for _ in range(3)]
            assert all(announced), (folder / "serve.log").read_text()
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)
