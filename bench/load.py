"""The load of one customer: four queries of the payments, then one card payment."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx

from tests.builders.cards import CREATE
from tests.builders.customers import Customer
from tests.builders.fleet import Fleet

LOOK = """{ viewer { payments(first: 20) { edges { node {
  id status amount { formatted } history { edges { node { status at } } } } } } } }"""
LOOKS_PER_PAYMENT = 4
_AT_ONCE = 50


@dataclass
class Load:
    """How long each request took, in ms."""

    took: list[float] = field(default_factory=list)
    lasted_s: float = 0.0

    @property
    def a_second(self) -> float:
        return len(self.took) / self.lasted_s


@asynccontextmanager
async def logged_in(running: Fleet, many: int) -> AsyncIterator[list[Customer]]:
    """Users who are signed in, without KYC."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def log_in(customer: Customer) -> None:
        async with turns:
            await customer.log_in()

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(httpx.AsyncClient(timeout=60)) for _ in range(many)]
        customers = [Customer(running, http, random.Random(place)) for place, http in enumerate(clients)]
        await asyncio.gather(*(log_in(customer) for customer in customers))
        yield customers


@asynccontextmanager
async def customers_of(running: Fleet, many: int) -> AsyncIterator[list[Customer]]:
    """Users who are signed in, with an approved KYC."""
    async with logged_in(running, many) as customers:
        await asyncio.gather(*(customer.verify() for customer in customers))
        yield customers


async def put_under_load(
    customers: Sequence[Customer], *, for_s: float, a_second: float | None = None, run: str = ""
) -> Load:
    """Let each customer ask again at once after each answer, or all customers together at a fixed rate."""
    load = Load()
    begun = time.monotonic()
    pause_s = len(customers) / a_second if a_second else 0.0

    async def be(place: int, customer: Customer) -> None:
        for number in count():
            due = begun + number * pause_s + place * pause_s / len(customers)
            if a_second:
                await asyncio.sleep(max(due - time.monotonic(), 0))
            asked = time.monotonic()
            if asked - begun > for_s:
                return
            await _ask(customer, number, f"bench-{run}-{place:04d}-{number:06d}")
            load.took.append(1_000 * (time.monotonic() - (due if a_second else asked)))

    await asyncio.gather(*(be(place, customer) for place, customer in enumerate(customers)))
    load.lasted_s = time.monotonic() - begun
    return load


async def _ask(customer: Customer, number: int, key: str) -> None:
    if number % (LOOKS_PER_PAYMENT + 1) != LOOKS_PER_PAYMENT:
        await customer.ask(LOOK)
        return
    order = {"amount": {"amountMinor": "10000", "currency": "NOK"}, "idempotencyKey": key}
    created = await customer.ask(CREATE, scenario="webhooks-late", input=order)
    assert created["payment"] is not None, created
