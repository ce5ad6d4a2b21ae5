"""The payment intents of a subscription's invoices: they name their invoice and carry no metadata."""

from typing import Final

from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

_PREFIX: Final = "pi_"
_EVENTS: Final = {
    "requires_payment_method": "payment_intent.payment_failed",
    "requires_action": "payment_intent.requires_action",
    "succeeded": "payment_intent.succeeded",
}


def reference_of(invoice: Document) -> str:
    """The id of the intent that pays an invoice."""
    return f"{_PREFIX}{invoice['id']}"


def is_of_plan(identifier: str) -> bool:
    """Whether a payment intent pays an invoice."""
    return identifier.startswith(f"{_PREFIX}in_")


async def invoice_by_id(world: World, identifier: str) -> Document:
    invoice = await world.store.get("invoice", identifier)
    if invoice is None:
        raise Refused(404, "resource_missing", "There is no such invoice.")
    return invoice


async def intent(world: World, identifier: str) -> Document:
    """An intent that pays an invoice, with the charge, its refunds and its disputes expanded."""
    invoice = await invoice_by_id(world, identifier.removeprefix(_PREFIX))
    subscription = await world.store.get("subscription", invoice["subscription"])
    assert subscription is not None
    shown = shown_intent(invoice, invoice["payment_intent"])
    shown |= {"customer": subscription["customer"], "payment_method": subscription["default_payment_method"]}
    if invoice["status"] == "paid":
        shown["latest_charge"] = {
            "id": f"ch_{invoice['id']}",
            "invoice": invoice["id"],
            "amount": invoice["amount_due"],
            "refunds": {"data": await world.store.of_owner("refund", identifier)},
            "disputes": {"data": await world.store.of_owner("dispute", identifier)},
        }
    return shown


def shown_intent(invoice: Document, payment: Document) -> Document:
    """The intent as its events show it."""
    return {
        "id": reference_of(invoice),
        "object": "payment_intent",
        "invoice": invoice["id"],
        "amount": invoice["amount_due"],
        "currency": invoice["currency"],
        "client_secret": None,
        "metadata": {},
        "latest_charge": None,
        **payment,
    }


def event_of(payment: Document) -> str:
    """The event that tells of an intent in this state."""
    return _EVENTS[payment["status"]]
