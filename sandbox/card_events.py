"""The card vendor's events, as Stripe sends them."""

from typing import Final

from sandbox.store import Document
from sandbox.webhooks import STRIPE, send_later, tell
from sandbox.world import World

API_VERSION: Final = "2023-10-16"


async def event_of(world: World, kind: str, shown: Document) -> Document:
    """An event as the vendor sends it."""
    return {
        "id": f"evt_{await world.store.next_number('stripe_event'):08d}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(world.now.timestamp()),
        "type": kind,
        "livemode": False,
        "data": {"object": shown},
    }


async def notify(world: World, kind: str, shown: Document, about: Document | None = None) -> None:
    """Queue an event in the transaction that causes it; `about` is the object whose scenario decides on faults."""
    event = await event_of(world, kind, shown)
    if about is None:
        await send_later(world, STRIPE, event)
    else:
        await tell(world, STRIPE, event, about)


def charge_object(intent: Document) -> Document:
    """A charge as its events show it."""
    charge: Document = intent["latest_charge"]
    return {
        "id": charge["id"],
        "object": "charge",
        "payment_intent": intent["id"],
        "invoice": intent.get("invoice"),
        "metadata": intent["metadata"],
    }
