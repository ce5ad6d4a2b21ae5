"""What a process takes in: a request counts once its body is there, and a body has to come in time.

A body that is sent drop by drop would else keep a request's place for as long as it likes.
"""

import asyncio
import time
from collections import Counter, deque
from typing import Final

import prometheus_client
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.client_address import client_network
from routes.problems import problem

# Health checks are answered while the process is full: otherwise it would be restarted for being busy.
ALWAYS: Final = ("/api/health", "/metrics")
REFUSED: Final = prometheus_client.Counter("drop_overload_refusals_total", "Requests that were told to come again.")
# So long for any body, and longer for what has come at this rate at least.
_WITHIN_S: Final = 10.0
_BYTES_PER_S: Final = 16 * 1024
# What is read before the request is begun: every GraphQL request, but not a whole file.
_AHEAD_BYTES: Final = 128 * 1024
# Of all bodies together that have begun and are not complete.
_COMING_BYTES: Final = 64 * 1024 * 1024
_CLOSE: Final = {"Connection": "close"}


class Refused(Exception):
    """The request is not taken, with the answer that says so."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Left(Exception):
    """The client has hung up before its body was complete."""


class Intake:
    """ASGI middleware that bounds the requests that are answered at once, and the bodies that are on their way.

    A request counts from the end of its body until its answer begins, so that neither slow bodies nor open streams
    take all places. Answers 503 where there is no place, 429 where an address has its share, and 408 to a body that
    does not come in time, whose connection then ends (RFC 9110, 15.5.9).
    """

    def __init__(self, app: ASGIApp, *, at_once: int, bodies: int, bodies_per_address: int) -> None:
        self._app = app
        self._at_once = at_once
        self._bodies = bodies
        self._bodies_per_address = bodies_per_address
        self._inside = 0
        self._coming = Counter[str]()
        self._coming_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS):
            await self._app(scope, receive, send)
            return
        taken = _Taken(self, scope, receive, send)
        try:
            await taken.begin()
            await self._app(scope, taken.receive, taken.send)
        except Refused as refused:
            if taken.has_begun:
                raise
            await refused.response(scope, receive, send)
        except Left:
            pass
        finally:
            taken.leave()

    def enter(self) -> None:
        """Take a place among the requests that are answered. Raises Refused."""
        if self._inside >= self._at_once:
            REFUSED.inc()
            raise Refused(_full("Too many requests are being answered just now."))
        self._inside += 1

    def leave(self) -> None:
        """Give back the place of a request."""
        self._inside -= 1

    def expect(self, network: str) -> None:
        """Take a place among the bodies that are on their way. Raises Refused."""
        if self._coming[network] >= self._bodies_per_address:
            detail = "Too many bodies are on their way from this address. Try again in a second."
            raise Refused(problem(429, "RATE_LIMITED", detail, headers={"Retry-After": "1", **_CLOSE}))
        if self._coming.total() >= self._bodies:
            REFUSED.inc()
            raise Refused(_full("Too many bodies are on their way just now."))
        self._coming[network] += 1

    def grow(self, size_bytes: int) -> None:
        """Count bytes of a body that is on its way. Raises Refused."""
        self._coming_bytes += size_bytes
        if self._coming_bytes > _COMING_BYTES:
            REFUSED.inc()
            raise Refused(_full("Too much is on its way just now."))

    def arrive(self, network: str, size_bytes: int) -> None:
        """Give back the place of a body, and what was counted of it."""
        self._coming[network] -= 1
        self._coming_bytes -= size_bytes
        if not self._coming[network]:
            del self._coming[network]


class _Taken:
    """One request on its way through: first its body is coming, then it is inside, then its answer has begun."""

    def __init__(self, intake: Intake, scope: Scope, receive: Receive, send: Send) -> None:
        self._intake = intake
        self._network = client_network(Request(scope))
        self._receive = receive
        self._send = send
        self._ahead = deque[Message]()
        self._begun = time.monotonic()
        self._came = 0
        self._is_coming = False
        self._is_inside = False
        self._is_whole = False
        self.has_begun = False

    async def begin(self) -> None:
        """Read ahead, as far as a request without a file goes."""
        self._intake.expect(self._network)
        self._is_coming = True
        while not self._is_whole and self._came < _AHEAD_BYTES:
            self._ahead.append(await self._next())

    async def receive(self) -> Message:
        """For the application: what was read ahead, then the rest."""
        if self._ahead:
            return self._ahead.popleft()
        return await (self._receive() if self._is_whole else self._next())

    async def send(self, message: Message) -> None:
        """For the application: its answer gives its place back."""
        self.has_begun = True
        self.leave()
        await self._send(message)

    def leave(self) -> None:
        """Give back whichever place it has. Safe to repeat."""
        if self._is_coming:
            self._is_coming = False
            self._intake.arrive(self._network, self._came)
        if self._is_inside:
            self._is_inside = False
            self._intake.leave()

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._begun + _WITHIN_S + self._came / _BYTES_PER_S - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            detail = "The body did not come in time."
            raise Refused(problem(408, "BODY_TOO_SLOW", detail, headers=_CLOSE)) from None
        if message["type"] == "http.disconnect":
            raise Left
        size_bytes = len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._is_coming:
            self._came += size_bytes
            self._intake.grow(size_bytes)
        if self._is_whole and not self.has_begun:
            self.leave()
            self._intake.enter()
            self._is_inside = True
        return message


def _full(what: str) -> Response:
    headers = {"Retry-After": "1", **_CLOSE}
    return problem(503, "OVERLOADED", f"{what} Try again in a second.", headers=headers)
