"""For Prometheus: the figures of this process, and of what waits in the database."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from routes.operator.guard import NO_STORE, for_operators
from routes.state import services_of

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(request: Request) -> Response:
    """Every figure, in Prometheus' text format."""
    return Response(await services_of(request).metrics.text(), headers={**NO_STORE, "Content-Type": _TEXT})


ROUTES = [Route("/metrics", for_operators(metrics))]
