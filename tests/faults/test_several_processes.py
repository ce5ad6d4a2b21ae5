"""Two `serve` and two `worker` on one PostgreSQL and one Redis: what happens at one is seen at the other."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from anyio import fail_after
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from db.engine import open_database
from tests.builders.customers import FOLLOW, Customer
from tests.builders.fields import FIELDS
from tests.builders.fleet import Fleet, Process, fleet
from tests.builders.subscriber import next_item, subscribed

DRAIN_S = 2
SOCKETS = 8
# The sweep looks every 15 s only: an event that arrives sooner came by its wake-up.
SOON_S = 5


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet"), "postgresql", serves=2, workers=2, DRAIN_S=str(DRAIN_S)) as fleet_:
        yield fleet_


@pytest.fixture
async def customer(running: Fleet) -> AsyncIterator[Customer]:
    async with httpx.AsyncClient(timeout=10) as http:
        customer = Customer(running, http, random.Random(1))
        await customer.begin()
        yield customer


@asynccontextmanager
async def socket_at(process: Process, customer: Customer) -> AsyncIterator[ClientConnection]:
    """A subscription that has had its snapshot."""
    async with subscribed(process.url, customer.http, FOLLOW) as socket:
        await next_item(socket)
        yield socket


@asynccontextmanager
async def events_at(process: Process, customer: Customer) -> AsyncIterator[httpx.Response]:
    """The same over SSE."""
    headers = {"accept": "text/event-stream", "origin": process.url}
    async with customer.http.stream(
        "POST", f"{process.url}/graphql", json={"query": FOLLOW}, headers=headers
    ) as response:
        yield response


async def until_snapshot(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        if '"SNAPSHOT"' in line:
            return


async def test_what_comes_in_at_one_is_pushed_by_the_other(running: Fleet, customer: Customer) -> None:
    one, other = running.serves
    async with socket_at(other, customer) as socket:
        with fail_after(SOON_S):
            running_serves, running.serves = running.serves, [one]
            await customer.pay_by_card(1)
            running.serves = running_serves
            item = json.loads(await socket.recv())["payload"]["data"]["viewerEvents"]

    assert item["payment"]["version"] == 1


async def test_what_is_queued_at_one_is_done_by_a_worker(running: Fleet, customer: Customer) -> None:
    """`serve` does no queued work here, and the verification's result comes by a queued webhook."""
    health = (await customer.http.get(f"{running.serves[0].url}/api/health")).json()
    at_work = [(await customer.http.get(f"{one.url}/api/health")).json()["status"] for one in running.workers]

    assert (health["status"], health["checks"]["worker"]) == ("ok", "ok")
    assert at_work == ["ok", "ok"]


async def test_a_stopping_process_turns_away_and_lets_go_of_its_streams_one_by_one(
    running: Fleet, customer: Customer
) -> None:
    leaving = running.serves[1]
    sockets = [socket_at(leaving, customer) for _ in range(SOCKETS)]
    opened = [await one.__aenter__() for one in sockets]
    streams = [events_at(leaving, customer) for _ in range(SOCKETS)]
    following = [(await one.__aenter__()).aiter_lines() for one in streams]
    for lines in following:
        await until_snapshot(lines)
    assert (await customer.http.get(f"{leaving.url}/api/health/ready")).status_code == httpx.codes.OK
    loop, closed, ended = asyncio.get_running_loop(), list[tuple[float, int]](), list[float]()

    async def until_closed(socket: ClientConnection) -> None:
        try:
            async for _ in socket:
                pass
        except ConnectionClosed:
            pass
        closed.append((loop.time(), socket.close_code or 0))

    async def until_ended(lines: AsyncIterator[str]) -> None:
        assert [line async for line in lines if "complete" in line] == []
        ended.append(loop.time())

    assert leaving.running is not None
    leaving.running.send_signal(signal.SIGTERM)
    with fail_after(DRAIN_S + 10):
        async with asyncio.TaskGroup() as tasks:
            watched = [tasks.create_task(until_closed(one)) for one in opened]
            for lines in following:
                tasks.create_task(until_ended(lines))
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            still_answers = await customer.http.get(f"{leaving.url}/api/health/live")
            ready = await customer.http.get(f"{leaving.url}/api/health/ready")
        code = await asyncio.to_thread(leaving.running.wait)

    assert (still_answers.status_code, ready.status_code) == (200, 503)
    assert {code for _, code in closed} == {1001}
    assert closed[-1][0] - closed[0][0] > DRAIN_S / 4
    assert ended[-1] - ended[0] > DRAIN_S / 4
    assert code in (0, -signal.SIGTERM)


async def test_without_a_worker_health_is_down_after_a_while_and_serve_stays_ready(
    running: Fleet, customer: Customer
) -> None:
    for one in running.workers:
        await asyncio.to_thread(one.end, signal.SIGTERM)
    url = running.serves[0].url

    async def is_down() -> bool:
        return (await customer.http.get(f"{url}/api/health")).status_code == 503

    assert not await is_down()
    database = open_database(running.database_url, fields=FIELDS)
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE worker_heartbeat SET seen_at = seen_at - interval '3 minutes'")
    await database.close()
    with fail_after(10):
        while not await is_down():
            pass
    assert (await customer.http.get(f"{url}/api/health/ready")).status_code == 200
