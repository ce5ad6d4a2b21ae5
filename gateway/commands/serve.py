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

from gateway.app import create_app
from gateway.commands.start import FINISH_WITHIN_S, Server, run_prepared
from gateway.commands.terminal import checked_settings
from gateway.observability.log import configure_logging

_MAX_SOCKET_BYTES: Final = 128 * 1024


def serve() -> None:
    """Serve GraphQL, the side-routes and, in mock mode, the sandbox."""
    settings = checked_settings()
    configure_logging(settings.log_level, is_terminal=sys.stderr.isatty())
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        log_config=None,  # its lines go through our own log, which removes what is private
        ws_max_size=_MAX_SOCKET_BYTES,
        # No compression: its window would cost each socket more memory than all its messages.
        ws_per_message_deflate=False,
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=FINISH_WITHIN_S,
    )
    paths = {"GraphiQL": "/graphql", "Sandbox": "/sandbox/", "Health": "/api/health"}
    if not settings.has_sandbox:
        del paths["Sandbox"]
    server = AnnouncedServer(config, app, settings.public_url.rstrip("/"), paths, drain_s=settings.drain_s)
    run_prepared(settings, server)


class AnnouncedServer(Server):
    """A server that prints its addresses once it is up, drains before it stops, and keeps the stopping signal."""

    def __init__(
        self, config: uvicorn.Config, app: Starlette, address: str, paths: Mapping[str, str], *, drain_s: float
    ) -> None:
        super().__init__(config, app)
        self._address = address
        self._paths = paths
        self._drain_s = drain_s
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
