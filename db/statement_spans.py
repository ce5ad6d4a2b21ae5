"""A span for each statement, without its values. OpenTelemetry's own instrumentation knows no SQLAlchemy 2.1 yet."""

from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from sqlalchemy import Connection, Engine, ExceptionContext, event

_SPAN: Final = "drop_span"
_tracer = trace.get_tracer("drop.db")


def trace_statements(engine: Engine) -> None:
    """Make a span for each statement of the engine, until the engine is disposed of."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    verb = statement.split(None, 1)[0].upper() if statement.strip() else "SQL"
    attributes = {"db.system.name": connection.dialect.name, "db.query.text": statement}
    connection.info[_SPAN] = _tracer.start_span(verb, kind=SpanKind.CLIENT, attributes=attributes)


def _end(connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    span: Span | None = connection.info.pop(_SPAN, None)
    if span is not None:
        span.end()


def _fail(context: ExceptionContext) -> None:
    span: Span | None = context.connection.info.pop(_SPAN, None) if context.connection is not None else None
    if span is not None:
        # The type alone: the error's text may quote a row's values.
        span.set_status(Status(StatusCode.ERROR, type(context.original_exception).__name__))
        span.end()
