"""For load balancers, monitors and operators."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from routes.openapi_schemas import OBJECT, STATUS, NamedSchema, choice, record
from routes.operations import Answer, DescribedRoute, Operation
from routes.state import services_of
from services.operations.health import Condition

_NO_STORE = {"Cache-Control": "no-store"}


async def health(request: Request) -> Response:
    """200 with a check per dependency; 503 where a critical local part is down."""
    state = await services_of(request).health.check()
    body = {"status": state.status, "checks": dict(state.checks)}
    return JSONResponse(body, 503 if state.status is Condition.DOWN else 200, headers=_NO_STORE)


async def live(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


async def ready(request: Request) -> Response:
    """Whether requests should be sent here."""
    is_ready = await services_of(request).health.is_ready()
    return JSONResponse({"status": "ok" if is_ready else "down"}, 200 if is_ready else 503, headers=_NO_STORE)


_HEALTH = NamedSchema(
    "Health",
    record(
        {
            "status": choice("ok", "down"),
            "checks": {**OBJECT, "additionalProperties": choice("ok", "degraded", "down")},
        }
    ),
)

ROUTES = [
    DescribedRoute(
        "/api/health",
        health,
        Operation(
            "health",
            "A check per dependency",
            {200: Answer("Serving.", _HEALTH), 503: Answer("A critical local part is down.", _HEALTH)},
            description="A vendor that is away only degrades its own check.",
        ),
    ),
    DescribedRoute("/api/health/live", live, Operation("live", "The process answers", {200: Answer("Alive.", STATUS)})),
    DescribedRoute(
        "/api/health/ready",
        ready,
        Operation(
            "ready",
            "Whether requests should be sent here",
            {200: Answer("Ready.", STATUS), 503: Answer("Not ready.", STATUS)},
        ),
    ),
]
