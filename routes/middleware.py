"""What every answer carries, and what every log line knows."""

from typing import Final
from uuid import uuid4

import structlog
from prometheus_client import Counter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.problems import problem

_CSP: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        # The editor of GraphiQL sets styles from its script.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Health checks are answered while the process is full: otherwise it would be restarted for being busy.
_ALWAYS: Final = ("/api/health", "/metrics")
REFUSED: Final = Counter("drop_overload_refusals_total", "Requests that were told to come again.")
# Without those of health, by which a process that drains turns load balancers away.
FAILED: Final = Counter("drop_http_failures_total", "Answers with a status from 500 on.", ["status"])
_HSTS: Final = "max-age=63072000; includeSubDomains"


class SecurityHeaders:
    """ASGI middleware that gives every answer its security headers and a request id."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._headers = {**_HEADERS, "Strict-Transport-Security": _HSTS} if is_https else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["request_id"] = uuid4().hex

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = request_id
                if message["status"] >= 500 and not scope["path"].startswith(_ALWAYS):
                    FAILED.labels(message["status"]).inc()
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception:  # Starlette answers it, outside of every middleware
                FAILED.labels(500).inc()
                raise


class Overload:
    """ASGI middleware that refuses requests beyond what this process can answer at once, so that not all must wait.

    A request counts until its answer begins, so that open streams do not take all places.
    """

    def __init__(self, app: ASGIApp, *, at_once: int) -> None:
        self._app = app
        self._at_once = at_once
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS):
            await self._app(scope, receive, send)
            return
        if self._inside >= self._at_once:
            detail = "Too many requests are being answered just now. Try again in a second."
            response = problem(503, "OVERLOADED", detail, headers={"Retry-After": "1"})
            REFUSED.inc()
            await response(scope, receive, send)
            return
        await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._inside += 1
        is_counted = True

        async def send_noting(message: Message) -> None:
            nonlocal is_counted
            if is_counted:
                is_counted = False
                self._inside -= 1
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            if is_counted:
                self._inside -= 1
