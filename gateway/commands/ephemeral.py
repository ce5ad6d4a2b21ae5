"""`gateway serve --ephemeral`: a gateway of one test worker's own, which leaves nothing behind."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

import db.migrate
from db.migrate import migrate
from domain.service import ServiceMode
from gateway.app import create_app
from gateway.commands.checked_settings import checked_settings
from gateway.commands.operator_token import with_operator_token
from gateway.commands.start import Server, one_message, opened
from gateway.commands.terminal import fail
from gateway.observability.log import configure_logging
from gateway.settings.limit_settings import LimitSettings
from gateway.settings.settings import Settings

_LOOKS_EVERY_S: Final = 0.2
# Tests do in seconds what a person does in a day.
_ROOMY: Final = 100_000


def serve_ephemeral(config_of: Callable[[Starlette, Settings], uvicorn.Config]) -> None:
    """Serve on a free port and a SQLite file of its own until the process that started this one ends.

    Prints one line of JSON once it answers. Exits with 1 beside a real vendor.
    """
    parent = os.getppid()
    with tempfile.TemporaryDirectory(prefix="drop-gateway-") as folder:
        settings = _settings_in(Path(folder))
        configure_logging(settings.log_level, is_terminal=sys.stderr.isatty())
        with one_message(settings), socket.create_server((settings.host, 0)) as listener:
            port = listener.getsockname()[1]
            settings = settings.model_copy(
                update={"port": port, "operator_port": None, "public_url": f"http://localhost:{port}"}
            )
            settings, made = with_operator_token(settings)
            asyncio.run(_make_database(settings, Path(folder)))
            app = create_app(settings)
            told = {"url": settings.public_url, "pid": os.getpid(), **({"operatorToken": made} if made else {})}
            EphemeralServer(config_of(app, settings), app, told, parent, Path(folder)).run([listener])


class EphemeralServer(Server):
    """A server that tells where it is in one line, and stops once its parent is gone."""

    def __init__(self, config: uvicorn.Config, app: Starlette, told: dict[str, Any], parent: int, folder: Path) -> None:
        super().__init__(config, app)
        self._told = told
        self._parent = parent
        self._folder = folder
        self._watch: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._watch = asyncio.create_task(self._end_with_parent())
            print(json.dumps(self._told), flush=True)  # noqa: T201  # for the test that has started it

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # Here, since uvicorn then ends the process by the signal that stopped it.
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _end_with_parent(self) -> None:
        while os.getppid() == self._parent:  # noqa: ASYNC110  # nothing tells of a parent's end
            await asyncio.sleep(_LOOKS_EVERY_S)
        signal.raise_signal(signal.SIGTERM)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Note the signal, and cut what is under way: nobody waits for it."""
        self.app.state.stopped_by = signal.Signals(sig).name
        self.force_exit = True
        super().handle_exit(sig, frame)


def _settings_in(folder: Path) -> Settings:
    settings = checked_settings(
        database_url=f"sqlite:///{folder}/drop.sqlite3", sandbox_path=folder / "sandbox.sqlite3", redis_url=None
    )
    if settings.mode is not ServiceMode.MOCK or not settings.is_all_mock or settings.sandbox_url is not None:
        fail("--ephemeral is for mock mode: every vendor must be a mock, and SANDBOX_URL must not be set.")
    limits = set(LimitSettings.model_fields) - settings.model_fields_set
    return settings.model_copy(update=dict.fromkeys(limits, _ROOMY))


async def _make_database(settings: Settings, folder: Path) -> None:
    """Copy an empty database that an earlier run of the same migrations has made, or make it and keep a copy."""
    kept, path = _kept_database(), folder / "drop.sqlite3"
    with suppress(OSError):
        shutil.copyfile(kept, path)
        return
    async with opened(settings) as database:
        await migrate(database)
    # A place that cannot be written costs the next run a second.
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as copy:
            copy.write(path.read_bytes())
        os.replace(copy.name, kept)


def _kept_database() -> Path:
    """Named by the migrations' contents, and in the user's own folder, where no one else can plant it."""
    scripts = sorted(Path(db.migrate.__file__).parent.glob("migrations/**/*.py"))
    digest = sha256(b"\0".join(script.read_bytes() for script in scripts)).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "drop-gateway", f"empty-{digest}.sqlite3")
