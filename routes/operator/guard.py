"""The check of operators' tokens and roles, and what their routes share. In mock mode without a token they are open."""

from dataclasses import replace
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from domain.audit import Anomaly, acting_operator
from domain.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from domain.operator import ANYONE, Operator, OperatorRole
from routes.client_address import client_network
from routes.openapi_schemas import INTEGER
from routes.operations import TOO_OFTEN, Answer, DescribedRoute, Handler, Operation, Parameter
from routes.operator.door import came_to
from routes.requests import bearer_token, is_allowed_origin
from routes.state import route_settings_of, services_of
from services.limits import LimitName

OPERATOR_HEADER: Final = "x-drop-operator"
NO_STORE: Final = {"Cache-Control": "no-store"}
METRICS: Final = "/metrics"
_AT_MOST: Final = 500
QUEUED: Final = {202: Answer("Queued.")}
# For the queues, whose newest or oldest entries are shown.
LIMIT: Final = Parameter("limit", "500 at most.", {**INTEGER, "default": 50})


def operator_route(path: str, handler: Handler, operation: Operation, *, method: str = "GET") -> DescribedRoute:
    """A route for operators alone, with the refusal of everybody else in its operation."""
    refusals = {
        401: "No operator.",
        429: TOO_OFTEN,
        **({403: "An operator who only reads."} if method != "GET" else {}),
    }
    operation = replace(operation, problems={**operation.problems, **refusals})
    return DescribedRoute(path, _for_operators(handler, path, method), operation, method=method)


def _for_operators(handler: Handler, path: str, method: str) -> Handler:
    async def guarded(request: Request) -> Response:
        port = route_settings_of(request).operator_port
        if port is not None and not came_to(request.scope, port):
            raise NotFound("Operators' routes are on a port of their own: OPERATOR_PORT.")
        operator = Operator(ANYONE, OperatorRole.ACT)
        if not route_settings_of(request).is_open_to_operators:
            operator = await _require_token(request, bearer_token(request.headers))
            if method != "GET" and not operator.may_act:
                raise Forbidden("This operator's token only reads. Ask for one with the role act.")
        elif "origin" in request.headers and not is_allowed_origin(request):
            raise Unauthenticated("Not from another site.")
        for name, value in request.path_params.items():
            if not str(value).isprintable():  # PostgreSQL takes no NUL in a text
                raise NotFound("There is nothing with this id.", field=(name,))
        token = acting_operator.set(operator.name)
        try:
            if path != METRICS:
                object_id = next(iter(request.path_params.values()), None)
                await services_of(request).audit.operator_asked(operator.name, path, object_id, acts=method != "GET")
            return await handler(request)
        finally:
            acting_operator.reset(token)

    guarded.__doc__ = handler.__doc__
    return guarded


async def require_schema(connection: HTTPConnection) -> None:
    """For a route that describes ours: anybody outside production. Raises Unauthenticated, RateLimited."""
    if not route_settings_of(connection).is_schema_open:
        await _require_token(connection, bearer_token(connection.headers))


async def sees_schema(connection: HTTPConnection) -> bool:
    """Whether the client may ask GraphQL for the schema: in production an operator, whose token has its own header.

    `Authorization` is for users there. Raises Unauthenticated and RateLimited for a wrong token.
    """
    return route_settings_of(connection).is_schema_open or await is_operator(connection)


async def is_operator(connection: HTTPConnection) -> bool:
    """Whether the client sends an operator's token in its own header. Nobody is one where operators need none.

    Raises Unauthenticated and RateLimited for a wrong token.
    """
    given = connection.headers.get(OPERATOR_HEADER)
    if given is None or route_settings_of(connection).is_open_to_operators:
        return False
    await _require_token(connection, given)
    return True


async def _require_token(connection: HTTPConnection, given: str | None) -> Operator:
    """Whose token it is. Raises Unauthenticated, RateLimited."""
    limits, network = services_of(connection).limits, client_network(connection)
    # Before the token is looked up: otherwise guessing would go on, and be told of the right one.
    await limits.require_left(LimitName.OPERATOR_GUESSES, network)
    operator = await services_of(connection).operators.of_token(given or "")
    if operator is not None:
        return operator
    services_of(connection).audit.count(Anomaly.OPERATOR_REFUSED)
    await limits.require(LimitName.OPERATOR_GUESSES, network)
    raise Unauthenticated("Send an operator's token: Authorization: Bearer <token>.")


def limit_of(request: Request) -> int:
    return min(number_of(request.query_params.get("limit", "50"), "limit"), _AT_MOST)


def number_of(text: str, field: str) -> int:
    """Raises InvalidInput."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise InvalidInput("INVALID_NUMBER", "Give a whole number.", field=(field,))
