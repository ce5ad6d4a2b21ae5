"""A subscriber that does not read costs the process no memory, holds up nobody, and misses nothing."""

import json
import random
from pathlib import Path

import httpx
from anyio import fail_after
from sqlalchemy import insert, select, update
from sqlmodel import col
from websockets.asyncio.client import ClientConnection

from db.engine import open_database
from db.tables.event import UserEventRow, UserEventSeqRow
from domain.event import EventKind
from tests.builders.customers import Customer
from tests.builders.fields import FIELDS
from tests.builders.fleet import fleet
from tests.builders.gateway import CONNECT
from tests.builders.subscriber import next_item, subscribed
from tests.conftest import NOON

FIRST = 300
EVENTS = 2_500
# Together far more than the sockets' buffers take, and than a batch.
OBJECT_ID = "kyc_" + "x" * 16_000
MOST_MIB = 20
FOLLOW = "subscription { viewerEvents { cursor objectId } }"
VIEWER = "{ viewer { id } }"
START_KYC = "mutation { startKyc { kyc { status } } }"


async def happen(customer: Customer, many: int, mutation: str, **variables: str) -> None:
    """So many large events, as if written by another process, and a mutation whose own event wakes who follows."""
    fields = {
        "status": "PENDING",
        "retry_required": False,
        "can_retry": False,
        "reject_labels": [],
        "checks": [],
        "started_at": None,
        "reviewed_at": None,
        "version": 1,
    }
    user_id = (await customer.ask(VIEWER))["id"]
    database = open_database(customer.fleet.database_url, fields=FIELDS)
    event = {"user_id": user_id, "kind": EventKind.KYC, "object_id": OBJECT_ID, "fields": fields, "at": NOON}
    mine = col(UserEventSeqRow.user_id) == user_id
    async with database.write_engine.begin() as connection:
        last: int = (await connection.execute(select(col(UserEventSeqRow.last)).where(mine))).scalar_one()
        await connection.execute(insert(UserEventRow), [event | {"seq": last + n} for n in range(1, many + 1)])
        await connection.execute(update(UserEventSeqRow).where(mine).values(last=last + many))
    await database.close()
    await customer.ask(mutation, **variables)


async def changes(subscriber: ClientConnection, many: int) -> list[str]:
    """The cursors of so many of the large ones."""
    found: list[str] = []
    while len(found) < many:
        message = json.loads(await subscriber.recv())
        item = message["payload"]["data"]["viewerEvents"]
        if item["objectId"] == OBJECT_ID:
            found.append(item["cursor"])
    return found


async def test_a_subscriber_that_does_not_read_is_bounded_and_misses_nothing(tmp_path: Path) -> None:
    with fleet(tmp_path, "sqlite", serves=1, workers=0) as running:
        async with httpx.AsyncClient(timeout=10) as http:
            customer = Customer(running, http, random.Random(1))
            await customer.log_in()
            url = running.serves[0].url
            async with subscribed(url, http, FOLLOW, unread=1) as slow, subscribed(url, http, FOLLOW) as quick:
                await next_item(slow)
                await next_item(quick)
                # What a process needs once for such events is no concern here.
                await happen(customer, FIRST, CONNECT, bank="bank_dnb")
                for subscriber in (quick, slow):
                    await changes(subscriber, FIRST)
                before = running.serves[0].resident_kib()
                await happen(customer, EVENTS, START_KYC)
                with fail_after(60):
                    by_the_quick = await changes(quick, EVENTS)
                grown = (running.serves[0].resident_kib() - before) / 1_024
                with fail_after(60):
                    by_the_slow = await changes(slow, EVENTS)

    assert grown < MOST_MIB
    assert by_the_slow == by_the_quick
    assert len(set(by_the_slow)) == EVENTS
