"""A trace for each request, whose entries are kept if it touched a payment, and a span."""

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.timeline import attributes, tracing
from routes.spans import are_spans_kept
from services.timeline import Timeline

_tracer = trace.get_tracer("drop.http")
_SERVER_ERROR = 500
_PARENT = b"traceparent"


class Tracing:
    """ASGI middleware that gives each request its trace, under the request id that the answer carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        timeline: Timeline = scope["app"].state.services.timeline
        with tracing(timeline.trace(scope["request_id"])) as trace:
            try:
                await self._spanned(scope, receive, send)
            finally:
                timeline.record(trace)

    async def _spanned(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Log lines name the trace of a client that sends its own, exporter or not.
        if not are_spans_kept() and all(name != _PARENT for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        parent = propagate.extract(Headers(scope=scope))
        with _tracer.start_as_current_span(
            method, parent, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute("http.request.method", method)

            async def send_and_record(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _record_status(span, message["status"])
                await send(message)

            try:
                await self._app(scope, receive, send_and_record)
            finally:
                # The route's template names the span, because real paths hold ids.
                span.set_attributes(attributes())
                path = getattr(scope.get("route"), "path", None)
                if path is not None:
                    span.update_name(f"{method} {path}")
                    span.set_attribute("http.route", path)


def _record_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))
