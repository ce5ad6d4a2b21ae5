"""How long from a webhook at one `serve` to the push at a WebSocket of the other, with two workers between them?

Stripe's webhooks at a fixed rate for half a minute, on PostgreSQL and Redis of its own; the vendor answers at once.
`python -m bench.push 5` sends five a second instead of twenty.
"""

import asyncio
import hashlib
import hmac
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from bench.machine import at, heading, tell
from db.engine import open_database
from tests.builders.cards import CREATE
from tests.builders.customers import FOLLOW, Customer
from tests.builders.fleet import Fleet, fleet
from tests.builders.subscriber import subscribed

A_SECOND = int(sys.argv[1]) if len(sys.argv) > 1 else 20
FOR_S = 30
CUSTOMERS = 6


async def prepare(customer: Customer, numbers: range) -> None:
    """Card payments that the vendor has taken, and of which the gateway has not heard yet."""
    for number in numbers:
        order = {"amount": {"amountMinor": "10000", "currency": "NOK"}, "idempotencyKey": f"bench-push-{number:06d}"}
        # The simulated vendor sends its webhooks an hour late, so that only those of this benchmark arrive.
        created = await customer.ask(CREATE, scenario="webhooks-late", input=order)
        assert created["payment"] is not None, created


async def intents(running: Fleet) -> dict[str, str]:
    database = open_database(running.database_url)
    async with database.read_engine.connect() as connection:
        rows = (await connection.execute(text("SELECT vendor_payment_id, id FROM payment"))).all()
    await database.close()
    return {row[0]: row[1] for row in rows}


async def pay_at_vendor(http: httpx.AsyncClient, running: Fleet, intent: str) -> None:
    body = {"payment_method": "pm_card_visa", "return_url": "http://localhost/", "idempotency_key": f"pay-{intent}"}
    url = f"{running.sandbox.url}/vendors/cards/payment_intents/{intent}/confirm"
    assert (await http.post(url, json=body)).json()["status"] == "succeeded"


def webhook(intent: str) -> tuple[bytes, dict[str, str]]:
    subject = {"id": intent, "object": "payment_intent", "metadata": {}}
    event: dict[str, Any] = {"id": f"evt_{intent}", "type": "payment_intent.succeeded", "data": {"object": subject}}
    raw, signed_at = json.dumps(event).encode(), str(int(time.time()))  # noqa: TID251  # a vendor's clock
    digest = hmac.new(b"mock-mode-only", f"{signed_at}.".encode() + raw, hashlib.sha256).hexdigest()
    return raw, {"stripe-signature": f"t={signed_at},v1={digest}"}


async def follow(customer: Customer, url: str, seen: dict[str, float], ready: asyncio.Event) -> None:
    async with subscribed(url, customer.http, FOLLOW) as socket:
        async for raw in socket:
            arrived = time.monotonic()
            message = json.loads(raw)
            if message["type"] != "next":
                continue
            ready.set()
            payment = message["payload"]["data"]["viewerEvents"]["payment"]
            if payment is not None:
                seen[payment["id"]] = arrived


async def measure() -> None:
    folder = Path(tempfile.mkdtemp())
    with fleet(folder, "postgresql", serves=2, workers=2, is_executed=True) as running:
        async with httpx.AsyncClient(timeout=30) as http:
            clients = [httpx.AsyncClient(timeout=30) for _ in range(CUSTOMERS)]
            customers = [Customer(running, client, random.Random(1)) for client in clients]
            for customer in customers:
                await customer.sign_in()
            each = A_SECOND * FOR_S // CUSTOMERS
            places = [range(place * each, (place + 1) * each) for place in range(CUSTOMERS)]
            await asyncio.gather(*(prepare(customer, part) for customer, part in zip(customers, places, strict=True)))
            known = await intents(running)
            for intent in known:
                await pay_at_vendor(http, running, intent)

            seen: dict[str, float] = {}
            ready = [asyncio.Event() for _ in customers]
            subscriptions = [
                asyncio.create_task(follow(customer, running.serves[1].url, seen, event))
                for customer, event in zip(customers, ready, strict=True)
            ]
            await asyncio.gather(*(event.wait() for event in ready))
            before, begun = cpu_seconds(running), time.monotonic()
            sent = await send(http, running.serves[0].url, known)
            await until_all(seen, len(known))
            lasted, after = time.monotonic() - begun, cpu_seconds(running)
            for task in subscriptions:
                task.cancel()
            for client in clients:
                await client.aclose()
    took = [1_000 * (seen[payment] - sent[payment]) for payment in sent]
    tell(heading())
    tell(f"{len(took)} webhooks at {A_SECOND} a second, from the request to the push, in ms:")
    many = len(took)
    shares = ", ".join(f"{name} {1_000 * (after[name] - before[name]) / many:.1f}" for name in after)
    tell(f"CPU in ms for each: {shares}, of {(os.cpu_count() or 1) * 1_000 * lasted / many:.0f}")
    tell(f"p50 {at(took, 0.5):.0f}, p95 {at(took, 0.95):.0f}, p99 {at(took, 0.99):.0f}, longest {max(took):.0f}")


def cpu_seconds(running: Fleet) -> dict[str, float]:
    """The processor time that each process has used; PostgreSQL's processes are added up."""
    used = {process.name: _cpu_s(process.running.pid) for process in running.started if process.running is not None}
    postgres = subprocess.run(["pgrep", "-f", "postgres"], capture_output=True, text=True, check=True).stdout.split()
    return used | {"postgresql": sum(_cpu_s(int(pid)) for pid in postgres)}


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until_all(seen: dict[str, float], many: int) -> None:
    async with asyncio.timeout(30):
        for _ in count():
            if len(seen) >= many:
                return
            await asyncio.sleep(0.05)


async def send(http: httpx.AsyncClient, url: str, known: dict[str, str]) -> dict[str, float]:
    """Send webhooks at a fixed rate, without waiting for the answers."""
    sent: dict[str, float] = {}

    async def post(intent: str, payment: str) -> None:
        raw, headers = webhook(intent)
        sent[payment] = time.monotonic()
        response = await http.post(f"{url}/api/webhooks/stripe", content=raw, headers=headers)
        assert response.status_code == httpx.codes.ACCEPTED, response.text

    async with asyncio.TaskGroup() as tasks:
        for intent, payment in known.items():
            tasks.create_task(post(intent, payment))
            await asyncio.sleep(1 / A_SECOND)
    return sent


if __name__ == "__main__":
    asyncio.run(measure())
