"""Traces by OpenTelemetry, where a collector is set: request, operation, SQL, vendor call, job.

No query string, variable, body or exception's text goes into a span: names, outcomes and statements without values.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from db.engine import Database
from db.statement_spans import trace_statements
from gateway.settings.settings import Settings


@asynccontextmanager
async def telemetry(settings: Settings, database: Database, role: str) -> AsyncIterator[None]:
    """Export this process's spans until the block ends, the waiting ones too. OTEL_* variables say how."""
    if settings.otel_exporter_otlp_endpoint is None:
        yield
        return
    # Loading these modules takes a while, so they are loaded only where a collector is set.
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from gateway.observability.collector import Collector

    resource = Resource.create(
        {
            "service.name": f"drop-gateway-{role}",
            "service.version": version("drop-gateway"),
            "deployment.environment.name": settings.environment,
        }
    )
    provider = TracerProvider(resource=resource)
    endpoint = f"{settings.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(Collector(endpoint)))
    trace.set_tracer_provider(provider)
    for engine in database.engines:
        trace_statements(engine)
    try:
        yield
    finally:
        await asyncio.to_thread(provider.shutdown)
