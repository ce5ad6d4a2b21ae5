"""PostgreSQL and Redis of a test's own, to be killed: never the shared ones."""

import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

from tests.builders.server import free_port

_WITHIN_S = 20
# Debian's servers are not on the path.
_FOLDERS = [str(one) for one in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


def is_answered(port: int, *, unless: Callable[[], bool] = lambda: False) -> bool:
    """Waits until somebody listens; False where `unless` says that nobody will, or nobody does in time."""
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline and not unless():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def program(name: str) -> str:
    found = which(name, path=os.pathsep.join([os.environ["PATH"], *_FOLDERS]))
    assert found is not None, f"{name} is missing: tests/install.sh brings it"
    return found


@dataclass
class PrivateRedis:
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "dir": str(self.folder)}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen([program("redis-server"), *arguments], stdout=subprocess.DEVNULL)
        assert is_answered(self.port)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def private_redis(folder: Path) -> Iterator[PrivateRedis]:
    redis = PrivateRedis(folder, free_port())
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()


@dataclass
class PrivatePostgresql:
    port: int
    command: list[str]
    log: Path
    as_user: dict[str, Any]
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, **self.as_user)
        assert is_answered(self.port)

    def stop(self) -> None:
        """At once, with whoever is connected."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=20)

    def freeze(self) -> None:
        """Nobody is answered, and nobody is told."""
        self.process.send_signal(signal.SIGSTOP)
        for child in self._children():
            os.kill(int(child), signal.SIGSTOP)

    def thaw(self) -> None:
        for child in self._children():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)

    def move_to(self, disk: Path) -> None:
        """Its tables, before anybody is connected; what PostgreSQL itself needs stays where it is."""
        space = disk / "space"
        space.mkdir()
        if self.as_user:
            os.chown(space, pwd.getpwnam(self.as_user["user"]).pw_uid, self.as_user["group"])
        client = [program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        statements = (f"CREATE TABLESPACE small LOCATION '{space}'", "ALTER DATABASE postgres SET TABLESPACE small")
        asked = [part for statement in statements for part in ("-c", statement)]
        subprocess.run([*client, "-U", "postgres", "-d", "template1", *asked], check=True)

    def _children(self) -> list[str]:
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def check(self) -> None:
        """Fails with the end of its log where the server itself has ended."""
        assert self.process.poll() is None, f"the server itself has ended:\n{self.log.read_text()[-4_000:]}"

    def kill_a_backend(self, number: int) -> None:
        """With -9, as the kernel does where memory ends: the server then recovers, and every connection is lost."""
        self.check()
        # A child that has no title of its own yet may be the start-up process, with which the server itself would end.
        clients = [pid for pid in self._children() if b" 127.0.0.1(" in _title_of(pid)]
        if clients:
            with suppress(ProcessLookupError):
                os.kill(int(clients[number % len(clients)]), signal.SIGKILL)


def _title_of(pid: str) -> bytes:
    """Nothing where the process has ended meanwhile."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextmanager
def private_postgresql(folder: Path) -> Iterator[PrivatePostgresql]:
    """It refuses to run as root, so there it runs as its own user.

    Its data lie outside of pytest's folders: another session of pytest takes from those the rights of other users.
    """
    as_user: dict[str, Any] = {}
    with TemporaryDirectory(prefix="drop-postgresql-", ignore_cleanup_errors=True) as data:
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(data, user.pw_uid, user.pw_gid)
            as_user = {"user": "postgres", "group": user.pw_gid}
        initdb = [program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **as_user)
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [program("postgres"), "-D", data, *options]
        postgresql = PrivatePostgresql(port, command, folder / "postgresql.log", as_user)
        postgresql.start()
        try:
            yield postgresql
        finally:
            if postgresql.process.poll() is None:
                postgresql.stop()
