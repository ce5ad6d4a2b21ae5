"""GraphiQL from files of our own: no CDN, and no build step on the machine that runs the gateway."""

from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from routes.operator.guard import sees_schema

_OF_THE_API: Final = frozenset({"query", "documentId", "extensions"})
_ASSETS: Final = Path(__file__).parent / "assets"


def is_wanted(request: Request) -> bool:
    """A browser's address bar asks for HTML; a client of the API does not."""
    if request.method != "GET" or not _OF_THE_API.isdisjoint(request.query_params):
        return False
    return request.headers.get("accept", "").startswith("text/html")


async def page(request: Request) -> Response:
    """Raises HTTPException where the client may not ask for the schema: GraphiQL would show nothing."""
    if not await sees_schema(request):
        raise HTTPException(404)
    return FileResponse(_ASSETS / "index.html", headers={"Cache-Control": "no-cache"})


class _Assets(StaticFiles):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await sees_schema(HTTPConnection(scope)):
            raise HTTPException(404)
        await super().__call__(scope, receive, send)


ROUTES = [Mount("/graphiql", _Assets(directory=_ASSETS))]
