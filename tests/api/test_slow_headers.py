"""A connection on which no request comes does not stay open."""

import asyncio
import time
from typing import Any

import pytest
from anyio import fail_after
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn import Config
from uvicorn.server import ServerState

from gateway.commands.headers_in_time import HeadersInTime
from gateway.commands.start import Server
from tests.builders.port import port_of, started, stopped

HALF = b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: "
WHOLE = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n"


class Impatient(HeadersInTime):
    head_within_s = 1.0


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.mark.parametrize(
    ("sent", "then", "answered"),
    [
        (b"", b"", b""),
        (HALF, b"", b"HTTP/1.1 408 Request Timeout"),
        (HALF, b"a" * 200_000, b"HTTP/1.1 431 Request Header Fields Too Large"),
        # The body has a deadline of its own (`routes/intake.py`), and the next head has one again.
        (WHOLE, b"ok" + HALF, b"HTTP/1.1 200 OK"),
    ],
    ids=["nothing", "half a head", "a head without end", "a head, its body later, and half a head"],
)
async def test_a_connection_ends_on_which_no_head_comes(sent: bytes, then: bytes, answered: bytes) -> None:
    server = await started(Starlette(routes=[Route("/", length, methods=["GET", "POST"])]), http=Impatient)
    begun = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        writer.write(sent)
        if sent == WHOLE:
            # One that is opened later is closed for its silence meanwhile.
            later, closed = await asyncio.open_connection("127.0.0.1", port_of(server))
            await later.read()
            closed.close()
        writer.write(then)
        with fail_after(60):
            answer = await reader.read()
        writer.close()
    except ConnectionResetError:
        assert len(then) > 100_000  # it was closed while we still sent
        answer = answered
    finally:
        await stopped(server)

    assert answer.startswith(answered)
    assert time.monotonic() - begun < HeadersInTime.head_within_s
    if sent == WHOLE:
        assert b"408" in answer


class Wire(asyncio.Transport):
    """A connection that tells whether it was closed."""

    is_closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@pytest.mark.parametrize("before", [b"a" * 100_000, b""], ids=["behind a body", "behind many heads"])
async def test_a_head_behind_another_request_counts_alone(before: bytes) -> None:
    first = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(before)
    config = Config(Starlette(routes=[Route("/", length, methods=["POST"])]), http=HeadersInTime, log_config=None)
    config.load()
    wire, protocol = Wire(), HeadersInTime(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(wire)

    protocol.data_received((first + before) * (1 if before else 1_500) + HALF)
    of_its_own = wire.is_closed
    protocol.data_received(b"a" * 70_000)

    assert not of_its_own
    assert wire.is_closed
    protocol.connection_lost(None)


def test_each_server_of_ours_waits_no_longer() -> None:
    app = Starlette()

    assert Server(Config(app), app).config.http is HeadersInTime
