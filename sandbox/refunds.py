"""Refunds of card payments, and disputes. It speaks as Stripe does."""

from datetime import timedelta
from typing import Final

from sandbox.card_catalogue import cards
from sandbox.card_events import charge_object, notify
from sandbox.cards import intent_by_id
from sandbox.keys import known_by, remember
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

SETTLE_REFUND: Final = "settle_refund"
_PENDING_REFUND: Final = timedelta(hours=1)
_FAILING_REFUND: Final = timedelta(days=1)
_EVIDENCE_WITHIN: Final = timedelta(days=7)


async def create_refund(world: World, body: Document) -> Document:
    """The same idempotency key gives the same refund."""
    async with world.store.transaction():
        known = await known_by(world, "refund", body)
        if known is not None:
            return known
        intent = await intent_by_id(world, body["payment_intent"])
        charge = intent["latest_charge"]
        if charge is None:
            raise Refused(400, "payment_intent_unexpected_state", "The payment has no charge to refund.")
        if is_disputed(charge):
            raise Refused(400, "charge_disputed", "The charge is disputed.")
        left = left_of(charge)
        amount = body.get("amount", left)
        if not 0 < amount <= left:
            raise Refused(400, "charge_already_refunded", "More than what remains cannot be refunded.")
        plan = cards()[intent["payment_method"]].refund
        refund: Document = {
            "id": f"re_{await world.store.next_number('refund'):06d}",
            "object": "refund",
            "payment_intent": intent["id"],
            "amount": amount,
            "currency": intent["currency"],
            "metadata": body["metadata"],
            "status": "pending" if plan == "pending" else "succeeded",
            "created": int(world.now.timestamp()),
        }
        await world.store.put("refund", refund["id"], refund, owner=intent["id"])
        await remember(world, "refund", body, refund["id"])
        await notify(world, "charge.refunded", charge_object(intent))
        if plan != "succeeds":
            later, status = (_PENDING_REFUND, "succeeded") if plan == "pending" else (_FAILING_REFUND, "failed")
            await world.store.schedule(world.now + later, SETTLE_REFUND, {"refund": refund["id"], "status": status})
    world.on_scheduled()
    return refund


async def settle_refund(world: World, body: Document) -> None:
    async with world.store.transaction():
        refund = await world.store.get("refund", body["refund"])
        assert refund is not None
        refund["status"] = body["status"]
        if body["status"] == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
        await world.store.put("refund", refund["id"], refund, owner=refund["payment_intent"])
        await notify(world, "charge.refund.updated", refund)


def is_disputed(charge: Document) -> bool:
    """Whether the card's bank has yet to decide about the charge."""
    return any(dispute["status"] not in ("won", "lost") for dispute in charge["disputes"]["data"])


def left_of(charge: Document) -> int:
    """What refunds and lost disputes have left of a charge, in minor units."""
    refunded = sum(one["amount"] for one in charge["refunds"]["data"] if one["status"] != "failed")
    lost = sum(one["amount"] for one in charge["disputes"]["data"] if one["status"] == "lost")
    return int(charge["amount"] - refunded - lost)


async def dispute(world: World, identifier: str, decision: str, amount: int | None = None) -> None:
    """The card holder objects (`open`), and later the card's bank decides (`won`, `lost`); then another may come.

    `amount` is a part of the charge, in minor units.
    """
    async with world.store.transaction():
        intent = await intent_by_id(world, identifier)
        charge = intent["latest_charge"]
        disputes = charge["disputes"]["data"] if charge else []
        # The money of a lost dispute may come back later: it is won then.
        decided = ("won",) if decision == "won" and charge and not is_disputed(charge) else ("won", "lost")
        open_one = next((one for one in disputes if one["status"] not in decided), None)
        # Nobody can want back what has been given back already.
        left = left_of(charge) if charge else 0
        if charge is None or (open_one is None) != (decision == "open") or (open_one is None and left <= 0):
            raise Refused(409, "STATUS_INVALID", "There is nothing to dispute or to decide.")
        found = open_one or {
            "id": f"dp_{await world.store.next_number('dispute'):06d}",
            "object": "dispute",
            "charge": charge["id"],
            "payment_intent": identifier,
            "amount": min(amount or left, left),
            "currency": intent["currency"],
            "reason": "fraudulent",
            "created": int(world.now.timestamp()),
            "evidence_details": {"due_by": int((world.now + _EVIDENCE_WITHIN).timestamp())},
        }
        found["status"] = "needs_response" if decision == "open" else decision
        await world.store.put("dispute", found["id"], found, owner=identifier)
        await notify(world, f"charge.dispute.{'created' if decision == 'open' else 'closed'}", found)
    world.on_scheduled()
