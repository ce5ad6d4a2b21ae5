"""A trace for each request: what it does is noted, and kept where it touched a payment."""

from starlette.types import ASGIApp, Receive, Scope, Send

from domain.trace import Trace, tracing
from gateway.clock import OffsetClock
from services.timeline import Timeline


class Tracing:
    """The request's id, which every answer carries, is the trace's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        clock: OffsetClock = state.gateway.clock
        timeline: Timeline = state.gateway.parts.timeline
        with tracing(Trace(scope["request_id"], clock)) as trace:
            try:
                await self._app(scope, receive, send)
            finally:
                timeline.take(trace)
