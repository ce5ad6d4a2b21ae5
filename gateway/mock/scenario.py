"""The mock-only header that lets one request play a scenario, so that parallel tests do not collide."""

from contextvars import ContextVar
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from routes.problems import problem
from sandbox.scenarios import scenarios

HEADER: Final = "x-drop-scenario"
# Goes with every call to the sandbox that the request makes.
chosen: ContextVar[str | None] = ContextVar("chosen", default=None)


class ScenarioHeader:
    """ASGI middleware that lets a client choose a scenario for one request by the header X-Drop-Scenario."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = Headers(scope=scope).get(HEADER) if scope["type"] == "http" else None
        if wanted is not None and wanted not in scenarios():
            detail = f"There is no such scenario. `gateway scenarios` lists them: {', '.join(scenarios())}."
            response = problem(400, "UNKNOWN_SCENARIO", detail, field=[HEADER])
            await response(scope, receive, send)
            return
        token = chosen.set(wanted)
        try:
            await self._app(scope, receive, send)
        finally:
            chosen.reset(token)
