"""Idempotency keys at the card vendor, which forgets them. It speaks as Stripe does."""

from datetime import timedelta
from typing import Final

from sandbox.store import Document
from sandbox.world import World

KEYS_LIVE: Final = timedelta(hours=24)


async def known_by(world: World, kind: str, body: Document) -> Document | None:
    """What an earlier request with the same key has made, as long as the key is remembered."""
    return await world.store.by_key(kind, body["idempotency_key"], world.now - KEYS_LIVE)


async def remember(world: World, kind: str, body: Document, identifier: str) -> None:
    """Keep the key of a request, and what it has made."""
    await world.store.remember(kind, body["idempotency_key"], identifier, world.now)
