"""A line for each request, where ACCESS_LOG is set: what was asked for, by its route, and never the address itself."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()


class AccessLog:
    """ASGI middleware. Addresses hold ids, codes and states, so the route's template stands for them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            route = getattr(scope.get("route"), "path", None)
            took_ms = round((time.perf_counter() - begun) * 1_000, 1)
            _log.info("request", method=scope["method"], route=route, status=status, ms=took_ms)
