"""GraphQL over HTTP: POST and GET by the GraphQL-over-HTTP draft, and subscriptions over SSE by POST."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from domain.errors import Denied, DropError, Refusal, Unauthenticated
from resolvers.context import Context
from routes.graphql.errors import NO_OPERATION, no_query, refused
from routes.graphql.results import body_of, is_pre_execution
from routes.graphql.schema import GatewaySchema
from routes.graphql.sse import EventStreams
from routes.requests import (
    BodyTooLarge,
    accepted_locale,
    base_url,
    device,
    media_type_of,
    read_bounded,
    require_same_site,
    sign_in_of,
)
from routes.state import route_settings_of
from services.container import Services

MAX_BYTES: Final = 100 * 1024
GRAPHQL_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
_OFFERED: Final = (GRAPHQL_JSON, JSON, EVENT_STREAM)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_BY_POST: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})


@dataclass(frozen=True, slots=True)
class GraphQlRequest:
    """One GraphQL request, read from a GET or POST (GraphQL over HTTP, 5)."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


class GraphQlHttp:
    """The endpoint for queries, mutations and event streams. Resolvers call `services`."""

    def __init__(self, schema: GatewaySchema, services: Services) -> None:
        self._schema = schema
        self._services = services
        self.streams = EventStreams()

    async def __call__(self, request: Request) -> Response:
        context = Context(
            services=self._services,
            base_url=base_url(request),
            device=device(request),
            default_return_to=route_settings_of(request).default_return_to,
            accepted_locale=accepted_locale(request),
        )
        response = await self._respond(request, context)
        response.headers["Content-Language"] = context.locale
        response.headers.add_vary_header("Accept-Language")
        return response

    async def _respond(self, request: Request, context: Context) -> Response:
        media_type = _negotiated(request.headers)
        if media_type is None:
            return Response(status_code=406, headers={"Accept": ", ".join(_OFFERED)})
        try:
            require_same_site(request)
            context.sign_in = await sign_in_of(request)
            asked = await _read(request)
        except DropError as error:
            return _failed(_status_of(error), error, media_type, context)
        if media_type == EVENT_STREAM:
            return await self._stream(request, context, asked)
        return await self._execute(request, context, asked, media_type)

    async def _execute(self, request: Request, context: Context, asked: GraphQlRequest, media_type: str) -> Response:
        allowed = {OperationType.QUERY} if request.method == "GET" else _BY_POST
        try:
            result = await self._schema.execute(
                asked.query,
                variable_values=asked.variables,
                operation_name=asked.operation_name,
                context_value=context,
                allowed_operation_types=allowed,
            )
        except InvalidOperationTypeError:
            return _not_allowed(request, media_type, context)
        except CannotGetOperationTypeError:
            return _failed(_pre_execution_status(media_type), NO_OPERATION, media_type, context)
        status = _pre_execution_status(media_type) if is_pre_execution(result) else 200
        return _answer(status, body_of(result), media_type)

    async def _stream(self, request: Request, context: Context, asked: GraphQlRequest) -> Response:
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        results = await self._schema.stream(
            asked.query,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            context_value=context,
        )
        return StreamingResponse(
            self.streams.events(results), media_type=EVENT_STREAM, headers={**_NO_STORE, "X-Accel-Buffering": "no"}
        )


class UnsupportedMediaType(Refusal):
    """The request's body is not `application/json`. Answered 415."""

    def __init__(self) -> None:
        super().__init__("Send the request as application/json.")


# The first class that fits is taken, so narrow classes come before wide ones.
_STATUS: Final[Mapping[type[DropError], int]] = {
    Unauthenticated: 401,
    Denied: 403,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    DropError: 400,
}


def _status_of(error: DropError) -> int:
    return next(status for kind, status in _STATUS.items() if isinstance(error, kind))


async def _read(request: Request) -> GraphQlRequest:
    if request.method == "GET":
        return _parsed(_from_query(request.query_params))
    if media_type_of(request) != JSON:
        raise UnsupportedMediaType
    raw = await read_bounded(request, at_most_bytes=MAX_BYTES)
    try:
        body = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refusal("The body must be a JSON object.")
    return _parsed(body)


def _from_query(params: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = dict(params)
    for name in ("variables", "extensions"):
        if body.get(name):
            try:
                body[name] = json.loads(body[name])
            except (ValueError, RecursionError) as error:
                raise Refusal(f"{name} is not JSON.", field=(name,)) from error
    return body


def _parsed(body: Mapping[str, Any]) -> GraphQlRequest:
    query, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(query, str) or not query:
        raise no_query()
    if variables is not None and not isinstance(variables, dict):
        raise Refusal("variables must be an object.", field=("variables",))
    if name is not None and not isinstance(name, str):
        raise Refusal("operationName must be a string.", field=("operationName",))
    if body.get("extensions") is not None and not isinstance(body["extensions"], dict):
        raise Refusal("extensions must be an object.", field=("extensions",))
    return GraphQlRequest(query, variables, name or None)


def _negotiated(headers: Headers) -> str | None:
    """The first offered type that the client accepts; application/json where it does not say."""
    accepted = [part.partition(";")[0].strip().lower() for part in headers.get("accept", "*/*").split(",")]
    for media_type in accepted:
        if media_type in _OFFERED:
            return media_type
    return JSON if {"*/*", "application/*"} & set(accepted) else None


def _pre_execution_status(media_type: str) -> int:
    """A request that was never executed: 400 in the draft's own type, 200 in JSON (GraphQL over HTTP, 6.4)."""
    return 400 if media_type == GRAPHQL_JSON else 200


def _not_allowed(request: Request, media_type: str, context: Context) -> Response:
    if request.method == "GET":
        response = _failed(405, Refusal("GET takes queries alone."), media_type, context)
        response.headers["Allow"] = "POST"
        return response
    message = "Subscriptions go over a WebSocket, or over SSE with Accept: text/event-stream."
    return _failed(_pre_execution_status(media_type), Refusal(message), media_type, context)


def _failed(status: int, error: DropError, media_type: str, context: Context) -> Response:
    body = {"errors": [refused(error, context.locale).formatted]}
    return _answer(status, body, JSON if media_type == EVENT_STREAM else media_type)


def _answer(status: int, body: Mapping[str, Any], media_type: str) -> Response:
    return Response(orjson.dumps(body), status, media_type=f"{media_type}; charset=utf-8", headers=_NO_STORE)
