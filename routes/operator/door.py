"""The operators' port, where `serve` has one: their routes are answered there alone, and nothing else but health."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from routes.problems import problem

_ANSWERED: Final = ("/metrics", "/api/operator/", "/api/health")
# RFC 6455, 7.4.1: policy violation.
_NOT_ALLOWED: Final = 1008


class OperatorDoor:
    """ASGI middleware that keeps what is for clients off the operators' port; the routes' guard keeps them to it."""

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] in ("http", "websocket") and came_to(scope, self._port)
        if not is_asked or scope["path"].startswith(_ANSWERED):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await problem(404, "NOT_FOUND", "This port is for operators: call the public one.")(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": _NOT_ALLOWED})


def came_to(scope: Scope, port: int) -> bool:
    """Whether the connection came in on the port, by the socket itself: no header can say so."""
    server = scope.get("server")
    return server is not None and server[1] == port
