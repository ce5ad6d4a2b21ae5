"""`gateway worker` and `gateway sandbox`: the other processes of a gateway that runs in several."""

import sys
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from gateway.app import Role, create_app
from gateway.commands.checked_settings import checked_settings
from gateway.commands.operator_token import with_operator_token
from gateway.commands.start import FINISH_WITHIN_S, Server, one_message, run_prepared
from gateway.commands.terminal import fail
from gateway.mock.sandbox_link import sandbox_alone
from gateway.observability.log import configure_logging

_PORT: Final = 8010


def worker() -> None:
    """Do queued work; any number may run. Answers for its health on WORKER_PORT."""
    settings, made = with_operator_token(checked_settings())
    if settings.has_sandbox and settings.sandbox_url is None:
        fail("A mock vendor is played by each process itself. Run `gateway sandbox` and set SANDBOX_URL.")
    configure_logging(settings.log_level, is_terminal=sys.stderr.isatty())
    app = create_app(settings, role=Role.WORKER)
    print(f"Worker    http://{settings.host}:{settings.worker_port}/api/health", flush=True)  # noqa: T201
    if made is not None:
        print(f"Operators Authorization: Bearer {made}", flush=True)  # noqa: T201
    run_prepared(settings, _server(app, settings.host, settings.worker_port))


def sandbox() -> None:
    """Play the vendors of mock mode for several processes, at SANDBOX_URL. Never for the internet."""
    settings = checked_settings()
    if settings.sandbox_url is None:
        fail("Set SANDBOX_URL, here and where the gateway runs, such as http://127.0.0.1:8010.")
    configure_logging(settings.log_level, is_terminal=sys.stderr.isatty())
    address = urlsplit(settings.sandbox_url)
    print(f"Vendors   {settings.sandbox_url}", flush=True)  # noqa: T201
    with one_message(settings):
        _server(sandbox_alone(settings), address.hostname or "", address.port or _PORT).run()


def _server(app: Starlette, host: str, port: int) -> Server:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        log_config=None,  # its lines go through our own log, which removes what is private
        server_header=False,
        timeout_graceful_shutdown=FINISH_WITHIN_S,
    )
    return Server(config, app)
