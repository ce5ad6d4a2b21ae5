"""Outages of hours on the production shape: two `serve` and two `worker` over a PostgreSQL and a Redis of their own.

Each play leaves work of every kind under way, takes something away, gives it back, and lets days pass on the product's
clock. Then nothing is left behind, and the vendors' ledgers equal ours. `make drill` runs them; they are no part of CI.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from domain.payment import Status
from tests.builders.cards import CREATE, REFUND, SUBSCRIBE, VISA
from tests.builders.customers import Customer
from tests.builders.fleet import Fleet, fleet
from tests.builders.full_disk import FullDisk, small_disk
from tests.builders.own_secrets import OPERATOR_TOKEN
from tests.builders.vendors_line import VendorsLine, vendors_line
from tests.faults.test_killed_processes import move_on, rows, until

pytestmark = pytest.mark.timeout(900)
EXPORT: Final = "mutation { requestDataExport { dataExport { id } userErrors { code } } }"
ASK: Final = "{ viewer { id } }"
CHANGE: Final = 'mutation { updateProfile(input: {locale: "en-GB"}) { user { id } userErrors { code } } }'
_GAUGE: Final = re.compile(r"^(drop_\w+)(\{[^}]*\})? ([-+.e\d]+)$", re.MULTILINE)
SOON_S: Final = 20.0


@dataclass
class Shape:
    """What runs, and one person who uses it."""

    running: Fleet
    vendors: VendorsLine
    kari: Customer
    http: httpx.AsyncClient

    async def health(self) -> dict[str, Any]:
        checks: dict[str, Any] = (await self.http.get(f"{self.running.serves[0].url}/api/health")).json()["checks"]
        return checks

    async def until_health(self, name: str, *states: str, within_s: float = SOON_S) -> None:
        async def is_so() -> bool:
            return (await self.health()).get(name) in states

        await until(is_so, within_s)

    async def is_ready(self) -> bool:
        answer = await self.http.get(f"{self.running.serves[0].url}/api/health/ready")
        return answer.status_code == httpx.codes.OK

    async def send(self, query: str, **variables: object) -> httpx.Response:
        """Once, at the first process, whatever comes of it."""
        url = self.running.serves[0].url
        body = {"query": query, "variables": variables}
        return await self.http.post(f"{url}/graphql", json=body, headers={"origin": url})

    async def refund(self, payment: str) -> None:
        """Its answer may be lost, as a client's is."""
        given = {"id": payment, "amount": None, "idempotencyKey": f"drill-refund-{payment[-8:]}"}
        await self._begin(REFUND, given)

    async def subscribe(self) -> None:
        given = {"planId": "plan_plus", "paymentMethod": VISA, "idempotencyKey": "drill-plan-000001"}
        await self._begin(SUBSCRIBE, {**given, "returnTo": "/api/health/live"})

    async def _begin(self, query: str, given: Mapping[str, object]) -> None:
        with suppress(httpx.HTTPError):
            await self.send(query, input=given)

    async def gauges(self) -> dict[tuple[str, str], float]:
        url = f"{self.running.serves[0].url}/metrics"
        answer = await self.http.get(url, headers={"authorization": f"Bearer {OPERATOR_TOKEN}"})
        assert answer.status_code == httpx.codes.OK
        return {(name, labels): float(value) for name, labels, value in _GAUGE.findall(answer.text)}

    async def charged(self) -> list[str]:
        found = await rows(
            self.running, "SELECT id FROM payment WHERE rail = 'CARD' AND status = 'SETTLED' ORDER BY id"
        )
        return [one.id for one in found]


@asynccontextmanager
async def production_shape(folder: Path, disk: Path | None = None) -> AsyncIterator[Shape]:
    async with vendors_line() as vendors:
        made = fleet(
            folder,
            "postgresql",
            serves=2,
            workers=2,
            vendors=vendors,
            disk=disk,
            DRAIN_S="1",
            OPERATOR_TOKEN=OPERATOR_TOKEN,
        )
        # In a thread: the processes call the vendors over this one's line while they start.
        running = await asyncio.to_thread(made.__enter__)
        try:
            async with httpx.AsyncClient(timeout=60) as http:
                kari = Customer(running, http, random.Random(1))
                await kari.begin()
                yield Shape(running, vendors, kari, http)
        finally:
            await asyncio.to_thread(made.__exit__, None, None, None)


@pytest.fixture
async def shape(tmp_path: Path) -> AsyncIterator[Shape]:
    async with production_shape(tmp_path) as shape:
        yield shape


async def work_under_way(shape: Shape) -> str:
    """Some that is done, and some that waits; gives a charged payment, which can be refunded."""
    await shape.kari.pay_by_bank(1)
    await shape.kari.pay_by_card(2)
    await until(lambda: _is_there(shape.charged))
    await shape.kari.ask(EXPORT)
    return (await shape.charged())[0]


async def _is_there(find: Callable[[], Awaitable[list[str]]]) -> bool:
    return bool(await find())


async def begun_meanwhile(shape: Shape, charged: str) -> None:
    await shape.refund(charged)
    await shape.subscribe()
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            await shape.kari.pay_by_card(3)


async def judge(shape: Shape) -> None:
    """Days later nothing is older than its bound, and what moved at the vendors is what ours say."""
    for by in ("2m", "1h", "1d", "3d"):
        await move_on(shape.running, by)

    async def all_are_final() -> bool:
        found = await rows(shape.running, "SELECT status FROM payment")
        return all(Status(one.status).is_final for one in found)

    try:
        await until(all_are_final, 120)
    finally:
        left = await rows(shape.running, "SELECT kind, status, attempts, due_at, last_error FROM job")
        print(*left, sep="\n")  # noqa: T201  # what a failed play shows
    await asyncio.sleep(6)  # figures are read anew each five seconds
    gauges = await shape.gauges()
    bounds = {labels: age for (name, labels), age in gauges.items() if name == "drop_greatest_age_seconds"}
    too_old = {labels for labels, age in bounds.items() if gauges["drop_oldest_row_seconds", labels] > age}
    assert bounds
    assert too_old == set()
    assert {labels: count for (name, labels), count in gauges.items() if name == "drop_jobs_blocked" and count} == {}
    assert gauges["drop_payments_in_doubt", ""] == 0
    ledger = (await shape.http.get(f"{shape.running.sandbox.url}/vendors/ledger")).json()
    payments = await rows(shape.running, "SELECT id, status FROM payment")
    refunds = await rows(shape.running, "SELECT id, payment_id, status FROM refund")
    moved = [one["endToEndId"].replace("D-", "pay_") for one in ledger["bookings"]]
    moved += [one["orderId"] for one in ledger["charges"] if one.get("orderId", "").startswith("pay_")]
    assert sorted(moved) == sorted(one.id for one in payments if one.status == "SETTLED")
    assert len(ledger["refunds"]) == len([one for one in refunds if one.status == "SUCCEEDED"]) == len(refunds)
    assert {one.status for one in await rows(shape.running, "SELECT status FROM plan_subscription")} <= {
        "ACTIVE",
        "ENDED",
    }
    assert {one.status for one in await rows(shape.running, "SELECT status FROM data_export")} <= {"READY", "EXPIRED"}


@pytest.mark.parametrize("hours", [2, 30])
async def test_vendors_are_cut(shape: Shape, hours: int) -> None:
    charged = await work_under_way(shape)
    shape.vendors.is_cut = True
    await begun_meanwhile(shape, charged)
    for _ in range(hours):
        await move_on(shape.running, "1h")
    assert shape.vendors.asked > 0
    shape.vendors.is_cut = False

    await judge(shape)

    assert len(await rows(shape.running, "SELECT id FROM refund")) == 1


@pytest.mark.parametrize("how", ["frozen", "restarted"])
async def test_postgresql_is(shape: Shape, how: str) -> None:
    charged = await work_under_way(shape)
    server = shape.running.postgresql
    assert server is not None
    if how == "frozen":
        server.freeze()
    else:
        server.stop()
    try:
        refused = await shape.send(CHANGE)
        await shape.until_health("database", "down")
        assert not await shape.is_ready()
    finally:
        if how == "frozen":
            server.thaw()
        else:
            server.start()
    assert (refused.status_code, refused.headers.get("retry-after")) == (503, "5")
    await until(shape.is_ready)
    await begun_meanwhile(shape, charged)

    await judge(shape)


async def test_postgresql_is_full(tmp_path: Path) -> None:
    with small_disk() as disk:
        async with production_shape(tmp_path, disk.folder) as shape:
            charged = await work_under_way(shape)
            await refused_while_full(shape, disk)
            await begun_meanwhile(shape, charged)

            await judge(shape)


async def refused_while_full(shape: Shape, disk: FullDisk) -> None:
    disk.fill()
    try:
        for number in range(200):
            key = f"drill-full-{number:06d}"
            order = {"amount": {"amountMinor": "10000", "currency": "NOK"}, "idempotencyKey": key}
            answer = await shape.send(CREATE, input=order)
            if answer.status_code == 503 or "errors" in answer.json():
                break
        else:
            raise AssertionError("all was taken")
        await shape.until_health("database", "down")
        assert not await shape.is_ready()
        assert (await shape.send(ASK)).json()["data"]["viewer"]["id"]
    finally:
        disk.free()
    await shape.until_health("database", "ok")


@pytest.mark.parametrize("how", ["frozen", "restarted", "full"])
async def test_redis_is(shape: Shape, how: str) -> None:
    charged = await work_under_way(shape)
    server = shape.running.redis
    assert server is not None
    async with asyncio.timeout(60):
        if how == "full":
            await limited(server.url, "1")
        else:
            (server.freeze if how == "frozen" else server.kill)()
            await shape.until_health("redis", "degraded", "down", within_s=40)
        await shape.kari.ask(CHANGE)
        assert await shape.is_ready()
    await begun_meanwhile(shape, charged)
    if how == "full":
        await limited(server.url, "0")
    else:
        (server.thaw if how == "frozen" else server.start)()
    await shape.until_health("redis", "ok", within_s=40)

    await judge(shape)


async def limited(url: str, bytes_at_most: str) -> None:
    """Where it may hold a byte, it refuses what would add to it."""
    client = Redis.from_url(url)
    await client.config_set("maxmemory", bytes_at_most)
    await client.aclose()


async def test_no_worker_for_an_hour(shape: Shape) -> None:
    charged = await work_under_way(shape)
    for worker in shape.running.workers:
        await asyncio.to_thread(worker.end)
    await begun_meanwhile(shape, charged)
    await an_hour_passes(shape)
    assert await shape.is_ready()
    for worker in shape.running.workers:
        worker.start()
    for worker in shape.running.workers:
        await asyncio.to_thread(worker.wait)

    await judge(shape)


async def an_hour_passes(shape: Shape) -> None:
    """On the product's clock, beside the driver, which would do what is due."""
    connection = await asyncpg.connect(shape.running.database_url)
    await connection.execute("UPDATE clock_offset SET offset_us = offset_us + 3600000000")
    await connection.close()


async def test_no_client_pages_anybody(shape: Shape) -> None:
    """What a stranger sends is refused, and no operator hears of it."""
    url = shape.running.serves[0].url
    before = alerts(shape)
    hostile: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/graphql", {"content": b"{"}),
        ("POST", "/graphql", {"content": b"\xff\xfe"}),
        ("POST", "/graphql", {"json": {"query": "{ viewer { id } }"}, "headers": {"authorization": "Bearer nobody"}}),
        ("POST", "/graphql", {"json": {"query": "{ " + "viewer { user: " * 200}}),
        ("POST", "/graphql", {"json": {"query": "{ nothing }"}}),
        ("GET", "/auth/bankid/callback?code=x&state=y", {}),
        ("GET", "/metrics", {"headers": {"authorization": "Bearer guessed"}}),
        *(("POST", path, {"content": b"{}"}) for path in webhook_paths()),
    ]
    async with httpx.AsyncClient(timeout=20) as stranger:
        for method, path, given in hostile * 20:
            answer = await stranger.request(method, f"{url}{path}", **given)
            assert answer.status_code < 500, (path, answer.status_code)

    assert alerts(shape) == before


def webhook_paths() -> list[str]:
    return [f"/api/webhooks/{name}" for name in ("stripe", "sumsub", "openbanking", "sendgrid", "twilio")]


def alerts(shape: Shape) -> list[str]:
    return re.findall(r"^Title: (.*)$", shape.running.logs(), re.MULTILINE)
