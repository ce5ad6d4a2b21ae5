"""How many sockets, streams and messages a client may have, and what it is told beyond that."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from providers.calling.places import SharedPlaces
from tests.builders.gateway import Play, playing
from tests.builders.private_servers import private_redis
from tests.builders.sockets import Socket, socket_of
from tests.conftest import NOON

EVENTS = "subscription { viewerEvents { cursor } }"


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(
        database_url,
        tmp_path,
        NOON,
        limit_sockets=2,
        limit_sockets_per_address=3,
        limit_subscriptions=2,
        limit_messages=5,
    ) as play:
        yield play


async def accepted(socket: Socket) -> bool:
    answer = await socket.receive()
    if answer["type"] == "connection_ack":
        return True
    assert (answer["type"], answer["code"]) == ("websocket.close", 1013)
    if answer["reason"]:
        told = json.loads(answer["reason"])
        assert (told["code"], told["retryAfter"]) == ("RATE_LIMITED", 20)
    return False


async def test_a_user_has_so_many_sockets_and_gets_them_back(play: Play) -> None:
    kari, ola = await play.person(), await play.person("ola")
    async with AsyncExitStack() as stack:
        for who, has_place in ((kari, True), (kari, True), (kari, False), (ola, True)):
            assert await accepted(await stack.enter_async_context(socket_of(play, who))) is has_place
    async with socket_of(play, kari) as socket:
        assert await accepted(socket)


async def test_sockets_on_which_nobody_is_signed_in_are_counted_by_address(play: Play) -> None:
    kari = await play.person()
    async with AsyncExitStack() as stack:
        signed_in = await stack.enter_async_context(socket_of(play, kari))
        assert await accepted(signed_in)
        strangers = [await stack.enter_async_context(socket_of(play)) for _ in range(4)]
        assert [await accepted(socket) for socket in strangers] == [True, True, True, False]


async def test_a_handshake_is_refused_in_plain_http(play: Play) -> None:
    port = await play.port()
    key = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    async with AsyncExitStack() as stack:
        for _ in range(3):
            assert await accepted(await stack.enter_async_context(socket_of(play)))
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.get(
                f"http://127.0.0.1:{port}/graphql", headers={**key, "sec-websocket-version": "13", "origin": "http://x"}
            )

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["code"] == "RATE_LIMITED"


async def test_a_socket_has_so_many_operations_at_once(play: Play) -> None:
    kari = await play.person()
    async with socket_of(play, kari) as socket:
        assert await accepted(socket)
        for nth in "123":
            await socket.subscribe(EVENTS, identifier=nth)
        answers = [await socket.receive() for _ in "123"]

    refused = next(answer for answer in answers if answer["type"] == "error")
    assert refused["id"] == "3"
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert refused["payload"][0]["extensions"]["retryAfter"] == 1


async def test_a_user_has_so_many_event_streams_at_once_over_all_sign_ins(play: Play) -> None:
    kari, again = await play.person(), await play.person()
    url = f"http://localhost:{await play.port()}"
    headers = {"accept": "text/event-stream", "origin": url}
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=url, cookies=dict(player.http.cookies), headers=headers, timeout=60)
            )
            for player in (kari, again)
        ]

        readings: list[AsyncIterator[bytes]] = []

        async def opened(http: httpx.AsyncClient) -> httpx.Response:
            answer = await stack.enter_async_context(http.stream("POST", "/graphql", json={"query": EVENTS}))
            # Kept, since a reading that is dropped closes its stream.
            readings.append(answer.aiter_bytes())
            await anext(readings[-1])
            return answer

        answers = [await opened(clients[count % 2]) for count in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"


async def test_messages_are_read_at_a_bounded_pace(play: Play) -> None:
    async with socket_of(play) as socket:
        assert await accepted(socket)
        begun = time.monotonic()
        for _ in range(9):
            await socket.send(type="ping")
        kinds = [(await socket.receive())["type"] for _ in range(9)]

    assert kinds == ["pong"] * 9
    # With the one that began it, ten messages: five of them had to wait for the next second.
    assert 0.9 < time.monotonic() - begun < 6


async def test_two_processes_give_out_places_together_and_one_that_died_leaves_none(tmp_path: Path) -> None:
    with private_redis(tmp_path) as redis:
        one, other = [SharedPlaces(redis.url, "drop", 2) for _ in range(2)]
        taken = [await one.take("kari", "a"), await other.take("kari", "b"), await other.take("kari", "c")]
        await one.give_back("kari", "a")
        again = await other.take("kari", "c")
        # What Redis has lost is told to it again.
        await one._redis.flushdb()
        await other.renew()
        after_loss = await one.take("kari", "d")
        for each in (one, other):
            await each.close()

    assert taken == [True, True, False]
    assert (again, after_loss) == (True, False)


async def test_without_redis_a_process_gives_out_places_by_itself() -> None:
    places = SharedPlaces("redis://127.0.0.1:1/0", "drop", 1)

    assert [await places.take("kari", name) for name in "ab"] == [True, False]
    await places.give_back("kari", "a")
    assert await places.take("kari", "b")
    await places.close()
