"""The check of the operators' token, and what their routes share. In mock mode without a token they are open."""

import secrets
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from domain.errors import InvalidInput, NotFound, Unauthenticated
from routes.openapi_schemas import INTEGER
from routes.operations import Answer, DescribedRoute, Handler, Operation, Parameter
from routes.requests import bearer_token, is_allowed_origin
from routes.state import route_settings_of

NO_STORE: Final = {"Cache-Control": "no-store"}
_AT_MOST: Final = 500
QUEUED: Final = {202: Answer("Queued.")}
# For the queues, whose newest or oldest entries are shown.
LIMIT: Final = Parameter("limit", "500 at most.", {**INTEGER, "default": 50})


def operator_route(path: str, handler: Handler, operation: Operation, *, method: str = "GET") -> DescribedRoute:
    """A route for operators alone, with the refusal of everybody else in its operation."""
    operation = replace(operation, problems={**operation.problems, 401: "No operator."})
    return DescribedRoute(path, _for_operators(handler), operation, method=method)


def _for_operators(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        token = route_settings_of(request).operator_token
        if token is not None:
            given = bearer_token(request.headers)
            # An empty token is refused by itself: a comparison with an empty setting would let everybody in.
            if not given or not secrets.compare_digest(given.encode(), token.encode()):
                raise Unauthenticated("Send the operators' token: Authorization: Bearer <OPERATOR_TOKEN>.")
        elif "origin" in request.headers and not is_allowed_origin(request):
            raise Unauthenticated("Not from another site.")
        for name, value in request.path_params.items():
            if not str(value).isprintable():  # PostgreSQL takes no NUL in a text
                raise NotFound("There is nothing with this id.", field=(name,))
        return await handler(request)

    guarded.__doc__ = handler.__doc__
    return guarded


def limit_of(request: Request) -> int:
    return min(number_of(request.query_params.get("limit", "50"), "limit"), _AT_MOST)


def number_of(text: str, field: str) -> int:
    """Raises InvalidInput."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise InvalidInput("INVALID_NUMBER", "Give a whole number.", field=(field,))
