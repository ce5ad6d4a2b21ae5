"""What a process takes in: bodies that do not come take no request's place, and no other address's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio import fail_after
from starlette.types import Message, Receive, Scope, Send

from routes.intake import Intake
from tests.builders.gateway import Play, playing
from tests.conftest import NOON

BODY = json.dumps({"query": "{ serviceStatus { mode } }"}).encode()
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(
        database_url, tmp_path, NOON, requests_at_once=2, limit_bodies=5, limit_bodies_per_address=3
    ) as play:
        yield play


async def half_sent(play: Play, address: str, part: bytes = b"{", length: int = len(BODY)) -> Ends:
    """A request whose body has begun. The server's loop has read it once the next one is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", await play.port())
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"X-Forwarded-For: %b\r\nContent-Length: %d\r\n\r\n%b" % (address.encode(), length, part)
    )
    await writer.drain()
    return reader, writer


async def head_of(reader: asyncio.StreamReader) -> str:
    with fail_after(10):
        return (await reader.readuntil(b"\r\n\r\n")).decode().lower()


async def answer_to(play: Play, address: str, part: bytes = b"{", length: int = len(BODY)) -> str:
    """The head of the answer to a request of which no more comes."""
    reader, writer = await half_sent(play, address, part, length)
    try:
        return await head_of(reader)
    finally:
        writer.close()


@asynccontextmanager
async def half_sent_by(play: Play, *addresses: str) -> AsyncIterator[list[Ends]]:
    ends = [await half_sent(play, address) for address in addresses]
    # Later on the same loop, so read after them.
    await answer_to(play, "192.0.2.99", BODY)
    try:
        yield ends
    finally:
        for _, writer in ends:
            writer.close()


async def test_half_sent_bodies_take_no_places_of_requests(play: Play) -> None:
    async with half_sent_by(play, *["198.51.100.1"] * 3, "198.51.100.2"):
        answers = [await play.browser().http.get("/auth/bankid/login") for _ in range(3)]
        posted = await play.browser().post("{ serviceStatus { mode } }")

    assert [answer.status_code for answer in answers] == [303] * 3
    assert posted.status_code == 200


async def test_an_address_has_its_share(play: Play) -> None:
    async with half_sent_by(play, *["198.51.100.1"] * 3):
        own = await answer_to(play, "198.51.100.1")
        other = await answer_to(play, "198.51.100.2", BODY)

    assert own.startswith("http/1.1 429")
    assert "retry-after: 1" in own
    assert other.startswith("http/1.1 200")


async def test_all_bodies_together_have_their_places(play: Play) -> None:
    async with half_sent_by(play, *["198.51.100.1"] * 3, *["198.51.100.2"]), half_sent_by(play, "198.51.100.3"):
        full = await answer_to(play, "198.51.100.4")

    assert full.startswith("http/1.1 503")
    assert "retry-after: 1" in full


async def test_a_body_that_goes_on_is_answered(play: Play) -> None:
    async with half_sent_by(play, "198.51.100.1") as [(reader, writer)]:
        writer.write(BODY[1:])

        assert (await head_of(reader)).startswith("http/1.1 200")


async def test_a_large_body_is_refused_before_its_end(play: Play) -> None:
    assert (await answer_to(play, "198.51.100.1", b"{" * 200_000, length=400_000)).startswith("http/1.1 413")


async def test_who_hangs_up_gives_the_place_back_and_alerts_nobody(play: Play, alerts: list[str]) -> None:
    async with half_sent_by(play, *["198.51.100.1"] * 3):
        pass
    with fail_after(10):
        while not (await answer_to(play, "198.51.100.1", BODY)).startswith("http/1.1 200"):
            pass

    assert alerts == []


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_whatever_ends_a_request_its_place_is_free_again(error: type[BaseException]) -> None:
    ended = 0

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal ended
        ended += 1
        raise error

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    intake = Intake(fails, at_once=1, bodies=1, bodies_per_address=1)
    scope = {"type": "http", "path": "/graphql", "headers": [], "client": ("198.51.100.1", 1)}
    for _ in range(3):
        with pytest.raises(error):
            await intake(scope, receive, send)

    assert ended == 3
