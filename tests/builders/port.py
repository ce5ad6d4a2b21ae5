"""An application on a port of this process, where a real connection is needed."""

from typing import Any

import uvicorn
from starlette.types import ASGIApp


async def started(app: ASGIApp, **options: Any) -> uvicorn.Server:
    """Start the server. The caller runs the application's lifespan. `options` are uvicorn's, such as port and TLS."""
    given = {"port": 0, "log_level": "warning", "proxy_headers": False, **options}
    config = uvicorn.Config(app, lifespan="off", server_header=False, **given)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    return server


def port_of(server: uvicorn.Server) -> int:
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


async def stopped(server: uvicorn.Server) -> None:
    """Stop the server at once, also with clients still connected."""
    server.force_exit = True
    await server.shutdown()
