"""What consents, accounts and payments at the banks have in common: pages, Oslo's day, customers, webhooks."""

from datetime import date, timedelta
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sandbox.people import Account, Person, person
from sandbox.store import Document
from sandbox.webhooks import OPEN_BANKING, tell
from sandbox.world import World

OSLO: Final = ZoneInfo("Europe/Oslo")
PAGE_LIFETIME: Final = timedelta(minutes=15)


async def notify(world: World, payload: Document, about: Document) -> None:
    event_id = f"obe-{await world.store.next_number('event'):08d}"
    await tell(world, OPEN_BANKING, {"eventId": event_id, "occurredAt": world.now.isoformat(), **payload}, about)


def today(world: World) -> date:
    return world.now.astimezone(OSLO).date()


def page_url(redirect_uri: str, path: str) -> str:
    origin = urlsplit(redirect_uri)
    return f"{origin.scheme}://{origin.netloc}/sandbox/{path}"


async def holder_of(world: World, identity_number: str) -> Person | None:
    known = await world.store.by_reference("person", identity_number)
    return person(known["id"]) if known else None


async def account_by_number(world: World, number: str) -> tuple[Person, Account] | None:
    holding = await world.store.get("holding", number)
    holder = person(holding["person"]) if holding else None
    if holder is None:
        return None
    return next((holder, account) for account in holder.accounts if account.bban == number)
