"""GraphQL over WebSocket (`graphql-transport-ws`): a socket lives as long as its session."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from domain.errors import Unauthenticated
from domain.locale import accepted
from domain.user import SignIn
from resolvers.context import Context
from routes.graphql.drain import spread
from routes.graphql.schema import GatewaySchema
from routes.requests import accepted_locale, base_url, device, is_allowed_origin, sign_in_of
from routes.state import route_settings_of
from services.container import Services

UNAUTHORISED: Final = 4401
# RFC 6455, 7.4.1: a server going down. graphql-ws connects again.
GOING_AWAY: Final = 1001
_FORBIDDEN: Final = 4403
_INIT_WITHIN: Final = timedelta(seconds=10)
_MAX_OPERATIONS: Final = 50


class SocketAdapter(ASGIWebSocketAdapter):
    """Closes with 4401 where the library would say 4403, which graphql-ws retries for ever."""

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


class GraphQlWebSocket(GraphQL[SocketContext, None]):
    """A browser is known by its cookie and origin, an app by `authorization` in `connection_init`."""

    websocket_adapter_class = SocketAdapter

    def __init__(self, schema: GatewaySchema, services: Services) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=_INIT_WITHIN,
            max_subscriptions_per_connection=_MAX_OPERATIONS,
        )
        self._services = services
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
        self._open.add(socket)
        try:
            await self.run(socket)
        finally:
            self._open.discard(socket)
            watcher = self._watchers.pop(id(socket), None)
            if watcher is not None:
                watcher.cancel()
                with suppress(asyncio.CancelledError):
                    await watcher

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        return is_allowed_origin(request)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> SocketContext:
        assert isinstance(request, WebSocket)
        context = SocketContext(
            services=self._services,
            base_url=base_url(request),
            device=device(request),
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
            context.sign_in = await self._sign_in_of(context)
        except Unauthenticated as error:
            raise ConnectionRejectionError from error
        if "acceptLanguage" in context.connection_params:
            # A browser sends its own header with the handshake, which a page cannot set.
            context.accepted_locale = accepted(context.connection_params["acceptLanguage"])
        context.renew_loaders()
        if context.sign_in is not None:
            watch = self._watch(socket, context.sign_in)
            self._watchers[id(socket)] = asyncio.create_task(watch)
        return {"contentLanguage": context.locale}

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
        await self._services.sessions.wait_until_ended(sign_in)
        if socket.application_state is WebSocketState.CONNECTED:
            await socket.close(UNAUTHORISED, "The session has ended")


async def _leave(socket: WebSocket) -> None:
    """Close a socket, unless it is closing already."""
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError):
            await socket.close(GOING_AWAY, "This process stops. Connect again, with your cursor.")
