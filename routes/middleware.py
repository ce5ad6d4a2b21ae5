"""What every answer carries, and what every log line knows."""

from typing import Final
from uuid import uuid4

import structlog
from prometheus_client import Counter
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import DatabaseAway
from routes.content_policy import ContentPolicies
from routes.intake import ALWAYS
from routes.problems import drop_error, unexpected
from routes.state import services_of

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
ASKED: Final = Counter("drop_http_requests_total", "Requests, without those of health and metrics.")
# Without those of health, by which a process that drains turns load balancers away.
FAILED: Final = Counter("drop_http_failures_total", "Answers with a status from 500 on.", ["status"])
_HSTS: Final = "max-age=63072000; includeSubDomains"


def _cached(path: str) -> str:
    """No asset has its content's hash in its name: those that are public are asked for again by their ETag."""
    return "no-cache" if path.startswith(("/graphiql/", "/app/", "/sandbox/static/")) else "no-store"


class SecurityHeaders:
    """ASGI middleware that gives every answer its security headers and a request id."""

    def __init__(self, app: ASGIApp, *, is_https: bool, policies: ContentPolicies) -> None:
        self._app = app
        self._policies = policies
        headers = {**_HEADERS, "Strict-Transport-Security": _HSTS} if is_https else _HEADERS
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["request_id"] = uuid4().hex
        is_counted = not scope["path"].startswith(ALWAYS)
        if is_counted:
            ASKED.inc()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                own, path = {name for name, _ in given}, scope["path"]
                added = (
                    *self._headers,
                    (b"content-security-policy", self._policies.of(path).encode()),
                    (b"cache-control", _cached(path).encode()),
                )
                absent = (header for header in added if header[0] not in own)
                message["headers"] = [*given, *absent, (b"x-request-id", request_id.encode())]
                if message["status"] >= 500 and is_counted:
                    FAILED.labels(message["status"]).inc()
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_headers)


class Unforeseen:
    """ASGI middleware that answers a fault of ours. An answer that has begun is cut off instead.

    Starlette would answer outside of every middleware, and raise the error again, at which the server closes the
    connection without a word to its client.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:
            response = await unexpected(Request(scope, receive), error)
            if has_begun:
                raise
            await response(scope, receive, send)


class DatabaseGate:
    """ASGI middleware that refuses requests while the database is known to be away, instead of letting each wait."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_held = scope["type"] == "http" and not scope["path"].startswith(ALWAYS)
        if is_held and services_of(Request(scope)).health.is_database_away:
            response = await drop_error(Request(scope), DatabaseAway())
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)
