"""The card vendor's lists, newest first, a page of 100 at most. They speak as Stripe's do."""

from collections.abc import Mapping
from typing import Final

from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

_KINDS: Final = {
    "payment_intents": "intent",
    "refunds": "refund",
    "disputes": "dispute",
    "subscriptions": "subscription",
    "invoices": "invoice",
}
PAGE: Final = 100


async def page(world: World, name: str, asked: Mapping[str, str]) -> Document:
    """What was made from `gte` on and before `lt`, in seconds since 1970, after the object `starting_after`."""
    since, until = int(asked["gte"]), int(asked["lt"])
    found = await world.store.made_between(_kind(name), since, until, asked.get("starting_after"), PAGE + 1)
    return {"object": "list", "data": found[:PAGE], "has_more": len(found) > PAGE}


async def one(world: World, name: str, identifier: str) -> Document:
    found = await world.store.get(_kind(name), identifier)
    if found is None:
        raise Refused(404, "resource_missing", "There is no such object.")
    return found


def _kind(name: str) -> str:
    if name not in _KINDS:
        raise Refused(404, "resource_missing", "There is no such list.")
    return _KINDS[name]
