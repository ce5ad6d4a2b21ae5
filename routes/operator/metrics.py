"""For Prometheus: the figures of this process, and of what waits in the database."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from routes.openapi_schemas import TEXT
from routes.operations import Answer, Operation
from routes.operator.guard import NO_STORE, operator_route
from routes.state import services_of

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(request: Request) -> Response:
    """Every figure, in Prometheus' text format."""
    return Response(await services_of(request).metrics.text(), headers={**NO_STORE, "Content-Type": _TEXT})


ROUTES = [
    operator_route(
        "/metrics",
        metrics,
        Operation(
            "readMetrics",
            "Figures for Prometheus (operators)",
            {200: Answer("In the text format.", TEXT, "text/plain")},
        ),
    )
]
