"""`gateway serve`: the server, which announces itself and remembers what stopped it."""

import asyncio
import signal
import socket
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Final

import uvicorn
from starlette.applications import Starlette

from db.engine import open_database
from db.migrate import migrate
from gateway.app import create_app
from gateway.commands.terminal import checked_settings
from gateway.log import configure_logging
from gateway.settings import Settings

_MAX_SOCKET_BYTES: Final = 128 * 1024


def serve() -> None:
    """Serve GraphQL, the side-routes and, in mock mode, the sandbox."""
    settings = checked_settings()
    configure_logging(settings.log_level, is_terminal=sys.stderr.isatty())
    asyncio.run(bring_up_to_date(settings))
    app = create_app(settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", ws_max_size=_MAX_SOCKET_BYTES
    )
    paths = {"GraphiQL": "/graphql", "Sandbox": "/sandbox/", "Health": "/api/health"}
    if not settings.has_sandbox:
        del paths["Sandbox"]
    AnnouncedServer(config, app, settings.public_url.rstrip("/"), paths).run()


class AnnouncedServer(uvicorn.Server):
    """Prints where everything is once it can be opened, and remembers what stopped it."""

    def __init__(self, config: uvicorn.Config, app: Starlette, address: str, paths: Mapping[str, str]) -> None:
        super().__init__(config)
        self._app = app
        self._address = address
        self._paths = paths

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.stopped_by = signal.Signals(sig).name
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for name, path in self._paths.items():
                print(f"{name:<9} {self._address}{path}", flush=True)  # noqa: T201  # plain, so that scripts can read it


async def bring_up_to_date(settings: Settings) -> None:
    """Run the migrations that are missing."""
    database = open_database(settings.database_url)
    try:
        await migrate(database)
    finally:
        await database.close()
