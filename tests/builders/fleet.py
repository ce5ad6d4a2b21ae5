"""A gateway in several processes, each of which may be killed at any moment and started again."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.builders.private_servers import (
    PrivatePostgresql,
    PrivateRedis,
    is_answered,
    private_postgresql,
    private_redis,
)
from tests.builders.processes import Forked, Running, executed
from tests.builders.roomy import ROOMY_ENVIRONMENT
from tests.builders.server import free_port
from tests.builders.vendors_line import VendorsLine


@dataclass
class Process:
    """One of the fleet, by its command and what is set for it alone."""

    name: str
    command: str
    port: int
    environment: dict[str, str]
    log: Path
    running: Running | None = None
    # Where its release lies; None is this one.
    release: Path | None = None
    # It imports everything itself, as one that is measured does.
    is_executed: bool = False

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Does not wait until it answers."""
        if self.is_executed or self.release is not None:
            self.running = executed([self.command], environment=self.environment, log=self.log, folder=self.release)
        else:
            self.running = Forked([self.command], environment=self.environment, output=self.log, errors=self.log)

    def wait(self) -> None:
        """Until it answers; one that gave up, because the database was away when it started, is started again."""
        for _ in range(5):
            self.revive()
            if is_answered(self.port, unless=lambda: self.running is None or self.running.poll() is not None):
                return
        raise AssertionError(f"{self.name} does not start:\n{self.log.read_text()[-2_000:]}")

    def revive(self) -> None:
        """As whatever supervises it would."""
        if self.running is not None and self.running.poll() is not None:
            self.start()

    def end(self, by: signal.Signals = signal.SIGKILL) -> None:
        if self.running is not None:
            self.running.send_signal(by)
            self.running.wait(timeout=60)

    def resident_kib(self) -> int:
        """What it holds in memory."""
        assert self.running is not None
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


@dataclass
class Fleet:
    """`serves` and `workers` die in tests; the vendors, which judge, do not."""

    sandbox: Process
    serves: list[Process]
    workers: list[Process]
    database_url: str
    redis: PrivateRedis | None = None
    postgresql: PrivatePostgresql | None = None
    started: list[Process] = field(default_factory=list)

    def start(self) -> None:
        # One first, which migrates.
        for wave in ([self.sandbox, self.serves[0]], [*self.serves[1:], *self.workers]):
            for process in wave:
                process.start()
                self.started.append(process)
            for process in wave:
                process.wait()

    def strike(self, luck: random.Random) -> str:
        """Kill one of it with -9 and start it again; says which."""
        processes = [*self.serves, *self.workers]
        if self.postgresql is not None:
            self.postgresql.check()
        for one in processes:
            one.revive()
        names = [one.name for one in processes]
        if self.redis is not None and self.postgresql is not None:
            names += ["redis", "a backend"]
        name = luck.choice(names)
        if name == "redis" and self.redis is not None:
            self.redis.kill()
            self.redis.start()
        elif name == "a backend" and self.postgresql is not None:
            self.postgresql.kill_a_backend(luck.randrange(50))
        else:
            self._kill(processes[names.index(name)])
        return name

    def _kill(self, process: Process) -> None:
        """Only while another of its kind answers, or until it answers again: else a slow machine has none at all."""
        alike = self.serves if process in self.serves else self.workers
        others = [other for other in alike if other is not process]
        for other in others:
            other.wait()
        process.end()
        process.start()
        if not others:
            process.wait()

    def logs(self) -> str:
        return "\n".join(one.log.read_text() for one in self.started)


@contextmanager
def fleet(
    folder: Path,
    kind: str,
    *,
    serves: int,
    workers: int,
    is_executed: bool = False,
    vendors: VendorsLine | None = None,
    disk: Path | None = None,
    **settings: str,
) -> Iterator[Fleet]:
    """On PostgreSQL and Redis of its own, or on SQLite, where one process does everything.

    All but people call the vendors over the line `vendors`. PostgreSQL's tables lie on `disk`.
    """
    with ExitStack() as stack:
        if kind == "postgresql":
            postgresql = stack.enter_context(private_postgresql(folder))
            if disk is not None:
                postgresql.move_to(disk)
            redis = stack.enter_context(private_redis(folder))
            made = _fleet(folder, postgresql.url, serves, workers, settings, redis, postgresql)
        else:
            made = _fleet(folder, f"sqlite:///{folder}/drop.sqlite3", 1, 0, settings, None, None)
        for process in (made.sandbox, *made.serves, *made.workers):
            process.is_executed = is_executed
        if vendors is not None:
            vendors.to_port = made.sandbox.port
            for process in (*made.serves, *made.workers):
                process.environment["SANDBOX_URL"] = f"http://127.0.0.1:{vendors.port}"
        yield stack.enter_context(_started(made))


@contextmanager
def _started(made: Fleet) -> Iterator[Fleet]:
    try:
        made.start()
        yield made
    finally:
        for process in reversed(made.started):
            process.end()


def _fleet(
    folder: Path,
    database_url: str,
    serves: int,
    workers: int,
    settings: dict[str, str],
    redis: PrivateRedis | None,
    postgresql: PrivatePostgresql | None,
) -> Fleet:
    ports = [free_port() for _ in range(1 + serves + workers)]
    shared = {
        **os.environ,
        **ROOMY_ENVIRONMENT,
        "DATABASE_URL": database_url,
        "SANDBOX_PATH": f"{folder}/sandbox.sqlite3",
        "SANDBOX_URL": f"http://127.0.0.1:{ports[0]}",
        "PUBLIC_URL": f"http://localhost:{ports[1]}",
        "ALLOWED_ORIGINS": ",".join(f"http://localhost:{port}" for port in ports[1 : 1 + serves]),
        "SERVE_WORKS_QUEUE": "false" if workers else "true",
        # Short, so that the jobs of the dead are free soon.
        "JOB_LEASE_S": "5",
        **({"REDIS_URL": redis.url} if redis else {}),
        **settings,
    }

    def process(name: str, command: str, port: int, **own: str) -> Process:
        return Process(name, command, port, {**shared, **own}, folder / f"{name}.log")

    sandbox = process("sandbox", "sandbox", ports[0])
    made = [process(f"serve-{n}", "serve", port, PORT=str(port)) for n, port in enumerate(ports[1 : 1 + serves])]
    working = [
        process(f"worker-{n}", "worker", port, WORKER_PORT=str(port)) for n, port in enumerate(ports[1 + serves :])
    ]
    return Fleet(sandbox, made, working, database_url, redis, postgresql)
