"""The side-routes' own description (OpenAPI 3.1)."""

import json
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DOCUMENT: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "openapi.json").read_text())


async def document(request: Request) -> Response:
    return JSONResponse(DOCUMENT)


ROUTES = [Route("/openapi.json", document)]
