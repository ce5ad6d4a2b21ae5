"""Spans on their way to the collector of traces."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from providers.calling.own_hosts import check_host_at_once


class Collector(OTLPSpanExporter):
    """Sends nothing where the collector's name leads to a link-local address."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint=endpoint)
        self._host = urlsplit(endpoint).hostname or ""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """FAILURE where it was not sent, as of any collector that is away."""
        try:
            check_host_at_once(self._host)
        except OSError:
            return SpanExportResult.FAILURE
        return super().export(spans)
