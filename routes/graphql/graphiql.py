"""GraphiQL from files of our own: no CDN, and no build step on the machine that runs the gateway."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

_ASSETS: Final = Path(__file__).parent / "assets"


def is_wanted(request: Request) -> bool:
    """A browser's address bar asks for HTML; a client of the API does not."""
    if request.method != "GET" or "query" in request.query_params:
        return False
    return request.headers.get("accept", "").startswith("text/html")


def page() -> Response:
    return FileResponse(_ASSETS / "index.html", headers={"Cache-Control": "no-cache"})


ROUTES = [Mount("/graphiql", StaticFiles(directory=_ASSETS))]
