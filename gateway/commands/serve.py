"""`gateway serve`: the server, which announces itself and remembers what stopped it."""

import asyncio
import signal
import socket
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette

from domain.service import ServiceMode
from gateway.app import create_app
from gateway.commands.checked_settings import checked_settings
from gateway.commands.ephemeral import serve_ephemeral
from gateway.commands.operator_token import with_operator_token
from gateway.commands.start import FINISH_WITHIN_S, Server, run_prepared
from gateway.observability.log import configure_logging
from gateway.settings.settings import Settings
from routes.graphql.messages import MAX_BYTES


def serve(
    ephemeral: Annotated[
        bool,
        typer.Option(
            "--ephemeral",
            help="For one test worker: a database of its own and a free port, told in a line of JSON; ends with its "
            "parent process.",
        ),
    ] = False,
) -> None:
    """Serve GraphQL, the side-routes and, in mock mode, the sandbox."""
    if ephemeral:
        serve_ephemeral(_config_of)
        return
    settings, made = with_operator_token(checked_settings())
    configure_logging(settings.log_level, is_terminal=sys.stderr.isatty())
    app = create_app(settings)
    paths = {"GraphiQL": "/graphql", "Sandbox": "/sandbox/", "Health": "/api/health"}
    if not settings.has_sandbox:
        del paths["Sandbox"]
    if settings.mode is ServiceMode.PRODUCTION:
        del paths["GraphiQL"]
    config, address = _config_of(app, settings), settings.public_url.rstrip("/")
    server = AnnouncedServer(
        config, app, address, paths, drain_s=settings.drain_s, token=made, operator_port=settings.operator_port
    )
    run_prepared(settings, server)


def _config_of(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        log_config=None,  # its lines go through our own log, which removes what is private
        server_header=False,
        ws_max_size=MAX_BYTES,
        # No compression: its window would cost each socket more memory than all its messages.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=FINISH_WITHIN_S,
    )


class AnnouncedServer(Server):
    """A server that prints its addresses once it is up, drains before it stops, and keeps the stopping signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: Starlette,
        address: str,
        paths: Mapping[str, str],
        *,
        drain_s: float,
        token: str | None = None,
        operator_port: int | None = None,
    ) -> None:
        super().__init__(config, app, operator_port)
        self._address = address
        self._paths = paths
        self._drain_s = drain_s
        self._token = token
        self._draining: asyncio.Future[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal, stop at once at the second."""
        self.app.state.stopped_by = signal.Signals(sig).name
        if self._draining is not None or not self.started:
            super().handle_exit(sig, frame)
            return
        self._draining = asyncio.ensure_future(self._drain(sig))

    async def _drain(self, sig: int) -> None:
        """Report as not ready and close sockets and streams over `drain_s`, then let uvicorn shut down."""
        self.app.state.services.health.is_draining = True
        state = self.app.state
        await asyncio.gather(
            # A load balancer needs this time to see that the process is not ready, even without open sockets.
            asyncio.sleep(self._drain_s),
            state.graphql_socket.drain(self._drain_s),
            state.graphql_http.streams.drain(self._drain_s),
        )
        super().handle_exit(sig, None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for name, path in self._paths.items():
                print(f"{name:<9} {self._address}{path}", flush=True)  # noqa: T201  # plain, so that scripts can read it
            if self._token is not None:
                print(f"Operators Authorization: Bearer {self._token}", flush=True)  # noqa: T201  # as above
