"""By which names this process may be called. Any page may point a name of its own at it (DNS rebinding)."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from routes.problems import problem

# Probes call a container by its address, and learn nothing that is not public.
_PROBES: Final = "/api/health"
# RFC 6455, 7.4.1: policy violation.
_NOT_ALLOWED: Final = 1008


class KnownHosts:
    """ASGI middleware that answers requests for other names with 421 (RFC 9110, 15.5.20)."""

    def __init__(self, app: ASGIApp, *, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] in ("http", "websocket") and not scope["path"].startswith(_PROBES)
        if not is_asked or _name_of(Headers(scope=scope).get("host", "")) in self._names:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            detail = "This gateway is not called by this name. Set PUBLIC_URL to the address that clients use."
            await problem(421, "UNKNOWN_HOST", detail)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": _NOT_ALLOWED})


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
