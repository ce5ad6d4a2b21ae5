"""GraphQL over WebSocket (`graphql-transport-ws`): a socket lives as long as its session."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from json import JSONDecodeError
from typing import Any, Final, cast
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message

from domain.errors import DatabaseAway, RateLimited, Refusal, Unauthenticated
from domain.ids import UserId
from domain.locale import accepted
from domain.timeline import tracing
from domain.unstorable import is_unstorable, unstorable_in
from domain.user import SignIn
from resolvers.context import Context
from routes.client_address import client_network
from routes.graphql.drain import spread
from routes.graphql.errors import refused
from routes.graphql.messages import EXTENSIONS, MAX_BYTES, read_json, request_of
from routes.graphql.schema import GatewaySchema
from routes.graphql.trusted import admitted
from routes.operator.guard import is_operator
from routes.problems import problem
from routes.requests import accepted_locale, base_url, device, is_allowed_origin, sign_in_of
from routes.state import RouteSettings, route_settings_of
from services.container import Services
from services.limits import LimitName

UNAUTHORISED: Final = 4401
# RFC 6455, 7.4.1: a server going down. graphql-ws connects again.
GOING_AWAY: Final = 1001
# The registry of RFC 6455's codes. graphql-ws connects again.
TRY_AGAIN_LATER: Final = 1013
_FORBIDDEN: Final = 4403
_INIT_WITHIN: Final = timedelta(seconds=10)
# When a socket has room again is known by its client, whose own operations fill it.
_ROOM_SOON_S: Final = 1
_log = structlog.get_logger()


class SocketAdapter(ASGIWebSocketAdapter):
    """Closes with 4401 where the library would say 4403, which graphql-ws retries for ever. Reads at a bounded pace."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Messages no faster than `messages_per_s`: the others wait at the client, whose connection is not read."""
        read = deque[float](maxlen=route_settings_of(self.ws).messages_per_s)
        async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
            if len(read) == read.maxlen:
                await asyncio.sleep(read[0] + 1 - time.monotonic())
            read.append(time.monotonic())
            yield message

    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is WebSocketState.CONNECTED:
            await self.ws.close(code=UNAUTHORISED if code == _FORBIDDEN else code, reason=reason)

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        await super().send_json(message)


class SocketContext(Context):
    """The context of a socket's operations, with the socket."""

    socket: WebSocket

    async def require_session(self) -> None:
        """The session may have ended since the socket was opened. Raises Unauthenticated, and closes its sockets.

        Raises RateLimited where the session asks too often.
        """
        await self.services.limits.require(LimitName.OPERATIONS, self.session_id or self.client)
        if self.sign_in is None:
            return
        sessions = self.services.sessions
        present = await sessions.present(self.sign_in)
        if present is None:
            sessions.close([self.sign_in.session_id])
            raise Unauthenticated("The session has ended. Sign in again.")
        self.sign_in = present


class SocketHandler(BaseGraphQLTransportWSHandler[SocketContext, None]):
    """Reads messages as bodies are read: what is none closes the socket, what asks wrongly is answered."""

    async def handle_message(self, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            await self.handle_invalid_message("A message is an object with a type.")
        elif message["type"] in ("subscribe", "complete") and not isinstance(message.get("id"), str):
            await self.handle_invalid_message("The id is a string.")
        elif message["type"] != "subscribe" and unstorable_in(message) is not None:
            await self.handle_invalid_message("Leave out the character NUL and half characters.")
        else:
            await super().handle_message(cast("Message", message))

    async def handle_subscribe(self, message: Any) -> None:
        if not self.connection_acknowledged:
            await super().handle_subscribe(message)
            return
        try:
            if is_unstorable(message["id"]):
                raise Refusal("Leave out the character NUL and half characters.", field=("id",))
            asked = request_of(message.get("payload"))
            asked = admitted(self.context.services.documents, asked, is_operator=self.context.is_operator)
            if len(self.operations) >= (self.max_subscriptions_per_connection or 0):
                raise RateLimited(_ROOM_SOON_S)
        except (Refusal, RateLimited) as error:
            locale = self.context.locale
            await self.send_message(
                {"id": message["id"], "type": "error", "payload": [refused(error, locale).formatted]}
            )
            return
        message["payload"]["query"] = asked.query
        token = EXTENSIONS.set(asked.extensions)
        try:
            # The task that answers begins with a copy of what is set here.
            await super().handle_subscribe(message)
        finally:
            EXTENSIONS.reset(token)

    async def run_operation(self, operation: Operation[SocketContext, None]) -> None:
        """Each operation has a trace and a request id of its own, as a request has."""
        services, begun = self.context.services, time.perf_counter()
        with tracing(services.timeline.trace(uuid4().hex)) as trace:
            try:
                await super().run_operation(operation)
            finally:
                services.timeline.record(trace)
                if route_settings_of(self.context.socket).access_log:
                    took_ms = round((time.perf_counter() - begun) * 1_000, 1)
                    _log.info("request", method="WEBSOCKET", route="/graphql", ms=took_ms)


class GraphQlWebSocket(GraphQL[SocketContext, None]):
    """A browser is known by its cookie and origin, an app by `authorization` in `connection_init`."""

    websocket_adapter_class = SocketAdapter
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: GatewaySchema, services: Services, settings: RouteSettings) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=_INIT_WITHIN,
            max_subscriptions_per_connection=settings.subscriptions,
        )
        self._services = services
        self._per_address = settings.sockets_per_address
        # By address, those on which nobody is signed in (yet).
        self._strangers: dict[WebSocket, str] = {}
        self._watchers: dict[int, asyncio.Task[None]] = {}
        self._open: set[WebSocket] = set()
        self._is_draining = False

    async def drain(self, over_s: float) -> None:
        """Close each socket with 1001, one by one, so that the clients do not all connect again at once."""
        self._is_draining = True
        async for socket in spread(list(self._open), over_s):
            await _leave(socket)

    async def serve(self, socket: WebSocket) -> None:
        if self._is_draining:
            # A draining process accepts no socket: the client tries again and reaches another process.
            await socket.close(GOING_AWAY)
            return
        network = client_network(socket)
        if Counter(self._strangers.values())[network] >= self._per_address:
            error = RateLimited(_ROOM_SOON_S)
            await refuse(socket, problem(429, error.code, error.message, headers={"Retry-After": str(_ROOM_SOON_S)}))
            return
        self._open.add(socket)
        self._strangers[socket] = network
        try:
            await self.run(socket)
        finally:
            self._open.discard(socket)
            if self._strangers.pop(socket, None) is None:
                user_id, place = socket.state.place
                await self._services.limits.give_socket_back(user_id, place)
            watcher = self._watchers.pop(id(socket), None)
            if watcher is not None:
                watcher.cancel()
                with suppress(asyncio.CancelledError):
                    await watcher

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        return is_allowed_origin(request)

    def decode_json(self, data: str | bytes) -> Any:
        """Raises JSONDecodeError, at which the socket is closed with 4400."""
        try:
            if len(data) > MAX_BYTES:
                raise Refusal(f"A message may have {MAX_BYTES} bytes.")
            return read_json(data, "The message")
        except Refusal as error:
            raise JSONDecodeError(error.message, "", 0) from error

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> SocketContext:
        assert isinstance(request, WebSocket)
        context = SocketContext(
            services=self._services,
            base_url=base_url(request),
            device=device(request),
            client=client_network(request),
            default_return_to=route_settings_of(request).default_return_to,
            accepted_locale=accepted_locale(request),
        )
        context.socket = request
        return context

    async def on_ws_connect(self, context: SocketContext) -> Any:
        """Signed-out sockets are served too: an operation that needs the viewer says UNAUTHENTICATED itself.

        The acknowledgement tells the language that the socket is answered in.
        """
        socket = context.socket
        try:
            sign_in = await self._sign_in_of(context)
            context.sign_in = replace(sign_in, user=None) if sign_in is not None else None
            context.is_operator = await is_operator(socket)
            context.sees_schema = context.is_operator or route_settings_of(socket).is_schema_open
        except Unauthenticated as error:
            raise ConnectionRejectionError from error
        except (DatabaseAway, RateLimited) as error:
            await socket.close(TRY_AGAIN_LATER, error.message)
            raise ConnectionRejectionError from error
        language = context.connection_params.get("acceptLanguage")
        if isinstance(language, str):
            # A browser sends its own header with the handshake, which a page cannot set.
            context.accepted_locale = accepted(language)
        context.renew_loaders()
        if context.sign_in is not None:
            await self._take_place(socket, context.sign_in.user_id)
            watch = self._watch(socket, context.sign_in)
            self._watchers[id(socket)] = asyncio.create_task(watch)
        return {"contentLanguage": context.locale}

    async def _take_place(self, socket: WebSocket, user_id: UserId) -> None:
        """From now on it counts among its user's sockets, no more among those of an address."""
        place = uuid4().hex
        try:
            await self._services.limits.require_socket(user_id, place)
        except RateLimited as error:
            reason = {"code": error.code, "retryAfter": error.retry_after_s}
            # graphql-ws connects again after this one, and never after 4429.
            await socket.close(TRY_AGAIN_LATER, json.dumps(reason))
            raise ConnectionRejectionError from error
        socket.state.place = user_id, place
        del self._strangers[socket]

    async def _sign_in_of(self, context: SocketContext) -> SignIn | None:
        given = context.connection_params.get("authorization")
        if given is None:
            return await sign_in_of(context.socket)
        scheme, _, token = str(given).partition(" ")
        if scheme.lower() == "bearer" and token:
            sign_in = await self._services.sessions.sign_in_of(token, is_cookie=False)
            if sign_in is not None:
                return sign_in
        raise Unauthenticated

    async def _watch(self, socket: WebSocket, sign_in: SignIn) -> None:
        has_ended = await self._services.sessions.wait_until_ended(sign_in)
        if socket.application_state is WebSocketState.CONNECTED:
            if has_ended:
                await socket.close(UNAUTHORISED, "The session has ended")
            else:
                await socket.close(TRY_AGAIN_LATER, "It is not known whether the session stands. Connect again.")


async def _leave(socket: WebSocket) -> None:
    """Close a socket, unless it is closing already."""
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError):
            await socket.close(GOING_AWAY, "This process stops. Connect again, with your cursor.")


async def refuse(socket: WebSocket, answer: Response) -> None:
    """Answer a handshake in place of accepting it, in plain HTTP where the server can."""
    await socket.receive()  # the handshake itself
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(answer)
    else:
        await socket.close(TRY_AGAIN_LATER)
