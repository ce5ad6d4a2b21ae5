"""What only mock mode has."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.errors import Forbidden
from routes.parts import parts_of
from routes.requests import is_allowed_origin


async def reset(request: Request) -> Response:
    """`resetMockServices`: empties the database and the vendors, signs everybody out, keeps the clock."""
    # A browser always names its origin on a POST; a script that sends none has no one's session to abuse.
    if "origin" in request.headers and not is_allowed_origin(request):
        raise Forbidden("Not from another site.")
    await parts_of(request).reset.reset_mock_services()
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/sandbox/", 303)
    return JSONResponse({"status": "ok"})


ROUTES = [Route("/api/mock/reset", reset, methods=["POST"])]
