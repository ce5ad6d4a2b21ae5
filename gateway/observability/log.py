"""Structured logs: one JSON line per event, readable lines on a terminal."""

import logging
import sys

import structlog
from opentelemetry import trace

from domain.ids import user_hash
from domain.timeline import payments, trace_id
from providers.errors.private_shapes import scrubbed_text
from providers.errors.scrubbing import scrubbed_line


def configure_logging(level: str, *, is_terminal: bool) -> None:
    # This logger writes whole addresses, and some of them are credentials.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(_Scrubbing("%(levelname)s %(name)s %(message)s"))
    libraries.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[libraries])
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _name_trace,
            _name_payments,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _scrub,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _name_trace(
    logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add the ids of the current span to a log line, if there is a span."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _name_payments(
    logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add the payments that the current request or job is about, and their users as a hash."""
    about = payments()
    if about and "payment_id" not in event:
        event["payment_id"] = ",".join(sorted(about))
    if about and "user" not in event:
        event["user"] = ",".join(sorted({user_hash(user) for user in about.values()}))
    request = trace_id()
    if request is not None:
        event.setdefault("request_id", request)
    return event


def _scrub(
    logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Remove what is private, by the same shapes as in what goes to the error service."""
    return scrubbed_line(event)


class _Scrubbing(logging.Formatter):
    """Lines of libraries, with what is private removed."""

    def format(self, record: logging.LogRecord) -> str:
        return scrubbed_text(super().format(record))
