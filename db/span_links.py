"""The span in which a job was queued, kept with the job, so that a trace leads from a request to the work after it."""

from collections.abc import Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_NAME: Final = "traceparent"


def current_span() -> str | None:
    """The current span as W3C's Trace Context writes it (`traceparent`), None without one."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_NAME)


def link_to(span: str | None) -> Sequence[Link]:
    """The link to a span that `current_span` gave; none where there was none."""
    context = trace.get_current_span(_PROPAGATOR.extract({_NAME: span or ""}, context=Context())).get_span_context()
    return [Link(context)] if context.is_valid else []
