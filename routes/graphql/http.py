"""GraphQL over HTTP: POST and GET by the GraphQL-over-HTTP draft, and subscriptions over SSE by POST."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from domain.error_code import ErrorCode
from domain.errors import DatabaseAway, Denied, DropError, RateLimited, Refusal, Unauthenticated
from resolvers.context import Context
from routes.client_address import client_network
from routes.graphql.errors import NO_OPERATION, refused
from routes.graphql.messages import MAX_BYTES, GraphQlRequest, PersistedQueryNotSupported, read_json, request_of
from routes.graphql.results import body_of, is_pre_execution
from routes.graphql.schema import GatewaySchema
from routes.graphql.sse import EventStreams
from routes.graphql.trusted import DocumentNotFound, DocumentNotTrusted, admitted
from routes.operator.guard import is_operator
from routes.problems import DATABASE_RETRY_AFTER_S
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
from services.limits import LimitName

GRAPHQL_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
_OFFERED: Final = (GRAPHQL_JSON, JSON, EVENT_STREAM)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_BY_POST: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})


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
            client=client_network(request),
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
            context.is_operator = await is_operator(request)
            context.sees_schema = context.is_operator or route_settings_of(request).is_schema_open
            await self._services.limits.require(LimitName.OPERATIONS, context.session_id or context.client)
            asked = admitted(self._services.documents, await _read(request), is_operator=context.is_operator)
        except (PersistedQueryNotSupported, DocumentNotFound, DocumentNotTrusted) as error:
            # With another status, Apollo's link takes it for a fault of the network.
            return _failed(_pre_execution_status(media_type), error, media_type, context)
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
                operation_extensions=asked.extensions,
                context_value=context,
                allowed_operation_types=allowed,
            )
        except InvalidOperationTypeError:
            return _not_allowed(request, media_type, context)
        except CannotGetOperationTypeError:
            return _failed(_pre_execution_status(media_type), NO_OPERATION, media_type, context)
        if any((error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE for error in result.errors or ()):
            return _answer(503, body_of(result), media_type)
        status = _pre_execution_status(media_type) if is_pre_execution(result) else 200
        return _answer(status, body_of(result), media_type)

    async def _stream(self, request: Request, context: Context, asked: GraphQlRequest) -> Response:
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        who = context.sign_in.user_id if context.sign_in else context.client
        if self.streams.open_by(who) >= route_settings_of(request).subscriptions:
            return _failed(429, RateLimited(1), EVENT_STREAM, context)
        results = await self._schema.stream(
            asked.query,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            operation_extensions=asked.extensions,
            context_value=context,
        )
        return StreamingResponse(
            self.streams.events(results, who), media_type=EVENT_STREAM, headers={**_NO_STORE, "X-Accel-Buffering": "no"}
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
    DatabaseAway: 503,
    RateLimited: 429,
    DropError: 400,
}


def _status_of(error: DropError) -> int:
    return next(status for kind, status in _STATUS.items() if isinstance(error, kind))


async def _read(request: Request) -> GraphQlRequest:
    if request.method == "GET":
        return request_of(_from_query(request.query_params))
    if media_type_of(request) != JSON:
        raise UnsupportedMediaType
    raw = await read_bounded(request, at_most_bytes=MAX_BYTES)
    return request_of(read_json(raw, "The body"))


def _from_query(params: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = dict(params)
    for name in ("variables", "extensions"):
        if body.get(name):
            body[name] = read_json(body[name], name, field=(name,))
    return body


def _negotiated(headers: Headers) -> str | None:
    """The first offered type that the client accepts; application/json where it does not say."""
    accepted = [part.partition(";")[0].strip().lower() for part in headers.get("accept", "*/*").split(",")]
    for media_type in accepted:
        if media_type in _OFFERED:
            return media_type
    return JSON if {"*/*", "application/*"} & set(accepted) else None


def _pre_execution_status(media_type: str) -> int:
    """A request that was never executed: 200 in JSON, 400 in other types (GraphQL over HTTP, 6.4)."""
    return 200 if media_type == JSON else 400


def _not_allowed(request: Request, media_type: str, context: Context) -> Response:
    if request.method == "GET":
        response = _failed(405, Refusal("GET takes queries alone."), media_type, context)
        response.headers["Allow"] = "POST"
        return response
    message = "Subscriptions go over a WebSocket, or over SSE with Accept: text/event-stream."
    return _failed(_pre_execution_status(media_type), Refusal(message), media_type, context)


def _failed(status: int, error: DropError, media_type: str, context: Context) -> Response:
    body = {"errors": [refused(error, context.locale).formatted]}
    response = _answer(status, body, JSON if media_type == EVENT_STREAM else media_type)
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _answer(status: int, body: Mapping[str, Any], media_type: str) -> Response:
    headers = {**_NO_STORE, "Retry-After": DATABASE_RETRY_AFTER_S} if status == 503 else _NO_STORE
    return Response(orjson.dumps(body), status, media_type=f"{media_type}; charset=utf-8", headers=headers)
