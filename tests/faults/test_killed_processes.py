"""Processes, database backends and Redis are killed with -9 while people pay: nothing is lost, nothing happens twice.

The judge is the ledger of the sandbox's banks and card vendor, which no kill comes near.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from db.engine import open_database
from domain.payment import Status
from tests.builders.customers import Customer
from tests.builders.fields import FIELDS
from tests.builders.fleet import Fleet, fleet

CUSTOMERS = 6
PAYMENTS = int(os.environ.get("KILL_TEST_PAYMENTS", "100"))
# Draws the same deaths and scenarios again; which of them meet depends on the machine's speed, too.
SEED = int(os.environ.get("KILL_TEST_SEED") or random.SystemRandom().randrange(2**32))
# Between two deaths; on SQLite from when the one process answers again.
EVERY_S = {"sqlite": (3.0, 6.0), "postgresql": (0.5, 2.0)}
pytestmark = pytest.mark.timeout(3_600 if PAYMENTS > 100 else 300)


async def kill_now_and_then(
    running: Fleet, kind: str, luck: random.Random, killed: list[str], over: asyncio.Event
) -> None:
    """Until `over`, and never cut short: a thread that kills and starts a process again cannot be cancelled."""
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(luck.uniform(*EVERY_S[kind])):
                await over.wait()
                return
        killed.append(await asyncio.to_thread(running.strike, luck))


async def pay_all(customers: list[Customer]) -> None:
    """Each customer pays by turns, one payment at a time."""

    async def pay(customer: Customer, numbers: range) -> None:
        for number in numbers:
            await (customer.pay_by_bank(number) if number % 2 else customer.pay_by_card(number))

    async with asyncio.TaskGroup() as tasks:
        for place, customer in enumerate(customers):
            tasks.create_task(pay(customer, range(place, PAYMENTS, len(customers))))


async def move_on(running: Fleet, by: str) -> None:
    """Time passes, so that every net is drawn in."""
    async with httpx.AsyncClient(timeout=300) as http:
        response = await http.post(f"{running.serves[0].url}/api/mock/clock", data={"advance": by})
        assert response.status_code == httpx.codes.OK, response.text


async def rows(running: Fleet, query: str) -> list[Any]:
    database = open_database(running.database_url, fields=FIELDS)
    try:
        async with database.read_engine.connect() as connection:
            return list((await connection.execute(text(query))).all())
    finally:
        await database.close()


async def until(is_met: Callable[[], Awaitable[bool]], within_s: float = 60) -> None:
    """Of processes that nothing else tells of."""
    async with asyncio.timeout(within_s):
        for _ in count():
            if await is_met():
                return
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_whatever_is_killed_every_payment_ends_as_the_vendors_say_and_none_happens_twice(
    kind: str, tmp_path: Path
) -> None:
    sys.stdout.write(f"KILL_TEST_SEED={SEED}\n")
    begun = time.monotonic()
    luck, killed, over = random.Random(SEED), list[str](), asyncio.Event()
    with fleet(tmp_path, kind, serves=2, workers=2) as running:
        clients = [httpx.AsyncClient(timeout=10) for _ in range(CUSTOMERS)]
        customers = [Customer(running, http, random.Random(luck.random())) for http in clients]
        await asyncio.gather(*(one.begin() for one in customers))
        following = [asyncio.create_task(one.follow()) for one in customers]
        # What comes before the first snapshot is in it.
        await asyncio.gather(*(one.is_following.wait() for one in customers))

        sys.stdout.write(f"ready after {time.monotonic() - begun:.0f} s\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kill_now_and_then(running, kind, luck, killed, over))
            await pay_all(customers)
            over.set()
        sys.stdout.write(f"paid after {time.monotonic() - begun:.0f} s\n")
        for process in (*running.serves, *running.workers):
            process.wait()
        for by in ("2m", "10m", "2h", "1d", "3d"):
            await move_on(running, by)
            sys.stdout.write(f"{by} on after {time.monotonic() - begun:.0f} s\n")

        async def all_are_final() -> bool:
            return not [one for one in await rows(running, "SELECT status FROM payment") if not Status(one[0]).is_final]

        try:
            await until(all_are_final)
        finally:
            for left in await rows(running, "SELECT kind, status, attempts, due_at, leased_until, last_error FROM job"):
                sys.stdout.write(f"left: {left}\n")
        payments = await rows(running, "SELECT id, rail, status, version, in_doubt, end_to_end_id FROM payment")
        events = await rows(running, "SELECT payment_id, version FROM payment_event ORDER BY payment_id, version")
        told = {(payment, version) for payment, version in events}

        async def all_are_seen() -> bool:
            return told <= {step for one in customers for step in one.seen}

        await until(all_are_seen)
        ledger = (await clients[0].get(f"{running.sandbox.url}/vendors/ledger")).json()
        waiting = await rows(running, "SELECT status, count(*) FROM notification GROUP BY status")
        dead = await rows(running, "SELECT kind, last_error FROM job WHERE status = 'DEAD'")
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        for http in clients:
            await http.aclose()

    settled = {one.id for one in payments if one.status == "SETTLED"}
    booked = [one["endToEndId"].replace("D-", "pay_") for one in ledger["bookings"]]
    charged = [one["orderId"] for one in ledger["charges"]]
    sys.stdout.write(f"{len(payments)} payments, {len(settled)} settled, killed {Counter(killed)}\n")
    assert len(payments) == PAYMENTS
    assert sorted(booked + charged) == sorted(settled)
    assert not any(one.in_doubt for one in payments)
    assert {(one.id, one.version) for one in payments} <= told
    assert len(events) == sum(one.version for one in payments)
    for customer in customers:
        assert max(customer.seen.values()) == 1
        assert customer.gaps == 0
    assert {one.status for one in waiting} <= {"SENT", "DELIVERED"}
    assert dead == []
