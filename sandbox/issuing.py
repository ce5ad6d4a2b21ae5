"""The issuer: cardholders and cards. It speaks as Stripe Issuing does."""

from sandbox.keys import known_by, remember
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World


async def create_cardholder(world: World, body: Document) -> Document:
    """The same idempotency key gives the same cardholder."""
    async with world.store.transaction():
        known = await known_by(world, "cardholder", body)
        if known is not None:
            return known
        if not body["billing"]["address"]["postal_code"]:
            raise Refused(400, "parameter_missing", "billing[address][postal_code] is needed.")
        cardholder: Document = {
            **body,
            "id": f"ich_{await world.store.next_number('cardholder'):06d}",
            "object": "issuing.cardholder",
            "status": "active",
        }
        await world.store.put("cardholder", cardholder["id"], cardholder)
        await remember(world, "cardholder", body, cardholder["id"])
    return cardholder


async def create_card(world: World, body: Document) -> Document:
    """The same idempotency key gives the same card."""
    async with world.store.transaction():
        known = await known_by(world, "card", body)
        if known is not None:
            return known
        if await world.store.get("cardholder", body["cardholder"]) is None:
            raise Refused(400, "resource_missing", "There is no such cardholder.")
        number = await world.store.next_number("card")
        card: Document = {
            **body,
            "id": f"ic_{number:06d}",
            "object": "issuing.card",
            "brand": "Visa",
            "last4": f"{number * 1117 % 10_000:04d}",
            "exp_month": world.now.month,
            "exp_year": world.now.year + 3,
        }
        await world.store.put("card", card["id"], card)
        await remember(world, "card", body, card["id"])
    return card


async def card_by_id(world: World, identifier: str) -> Document:
    card = await world.store.get("card", identifier)
    if card is None:
        raise Refused(404, "resource_missing", "There is no such card.")
    return card


async def update_card(world: World, identifier: str, status: str) -> Document:
    async with world.store.transaction():
        card = await card_by_id(world, identifier)
        if card["status"] == "canceled":
            raise Refused(400, "card_inactive", "A canceled card stays so.")
        card["status"] = status
        await world.store.put("card", identifier, card)
    return card
