"""What the faces of the real vendors have in common: HTTP as the vendor speaks it, over the sandbox's own vendors."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """The vendor's no, in its own shape."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.body, status_code=error.status)


def face(routes: list[Route]) -> Starlette:
    return Starlette(routes=routes, exception_handlers={Refused: _refused})


async def ask(
    inner: httpx.AsyncClient,
    method: str,
    path: str,
    refuse: Callable[[int, Mapping[str, Any]], Refused],
    **content: Any,
) -> dict[str, Any]:
    """The sandbox's answer; `refuse` says its no as the real vendor does."""
    response = await inner.request(method, path, **content)
    answer: dict[str, Any] = response.json()
    if response.is_error:
        raise refuse(response.status_code, answer)
    return answer
