"""The card vendor: customers and payment intents. It speaks as Stripe does."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from sandbox import plan_charges, scenarios
from sandbox.card_catalogue import Decline, cards
from sandbox.card_events import notify
from sandbox.keys import known_by, remember
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

SETTLE_DEBIT: Final = "settle_debit"
_DEBIT_TAKES: Final = timedelta(days=2)
_PAYABLE: Final = ("requires_payment_method", "requires_confirmation")
_CANCELLABLE: Final = (*_PAYABLE, "requires_action", "requires_capture")
_DECLINES: Final[Mapping[str, Decline]] = {
    scenarios.INSUFFICIENT_FUNDS: ("card_declined", "insufficient_funds"),
    scenarios.DECLINED: ("card_declined", "generic_decline"),
    scenarios.FAILS: ("processing_error", None),
}
_MESSAGES: Final = {
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_number": "Your card number is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "payment_intent_authentication_failure": "We are unable to authenticate your payment method.",
}


async def create_customer(world: World, body: Document) -> Document:
    """The same idempotency key gives the same customer."""
    async with world.store.transaction():
        known = await known_by(world, "customer", body)
        if known is not None:
            return known
        customer: Document = {
            "id": f"cus_{await world.store.next_number('customer'):06d}",
            "object": "customer",
            "name": body["name"],
            "metadata": body["metadata"],
        }
        await world.store.put("customer", customer["id"], customer)
        await remember(world, "customer", body, customer["id"])
        return customer


async def delete_customer(world: World, identifier: str) -> Document:
    async with world.store.transaction():
        await world.store.delete("customer", identifier)
    return {"id": identifier, "object": "customer", "deleted": True}


# Payment intents


async def create_intent(world: World, body: Document) -> Document:
    """The same idempotency key gives the same payment intent."""
    if await world.store.get("customer", body["customer"]) is None:
        raise Refused(400, "resource_missing", "There is no such customer.")
    if not 300 <= body["amount"] <= 99_999_999:
        raise Refused(400, "amount_too_small", "The amount cannot be charged.")
    async with world.store.transaction():
        known = await known_by(world, "intent", body)
        if known is not None:
            return known
        number = f"{await world.store.next_number('intent'):06d}"
        intent: Document = {
            "id": f"pi_{number}",
            "object": "payment_intent",
            "amount": body["amount"],
            "amount_received": 0,
            "currency": body["currency"],
            "customer": body["customer"],
            "description": body.get("description"),
            "metadata": body["metadata"],
            "status": "requires_payment_method",
            "client_secret": f"pi_{number}_secret_{secrets.token_hex(12)}",
            "next_action": None,
            "last_payment_error": None,
            "latest_charge": None,
            "payment_method": None,
            "return_url": None,
            "replies": {},
            "outcome": scenarios.outcome_of(scenarios.CARD),
            "delivery": scenarios.delivery_of(scenarios.CARD),
            "created": int(world.now.timestamp()),
        }
        await world.store.put("intent", intent["id"], intent)
        await remember(world, "intent", body, intent["id"])
    return intent


async def intent_by_id(world: World, identifier: str) -> Document:
    """With the charge, its refunds and its disputes expanded, the newest dispute last."""
    if plan_charges.is_of_plan(identifier):
        return await plan_charges.intent(world, identifier)
    intent = await world.store.get("intent", identifier)
    if intent is None:
        raise Refused(404, "resource_missing", "There is no such payment intent.")
    charge = intent["latest_charge"]
    if charge is not None:
        refunds = await world.store.of_owner("refund", identifier)
        disputes = await world.store.of_owner("dispute", identifier)
        intent["latest_charge"] = {**charge, "refunds": {"data": refunds}, "disputes": {"data": disputes}}
    return intent


async def confirm(world: World, identifier: str, payment_method: str, return_url: str, key: str) -> Document:
    """Charge a payment method. A repeated idempotency key gets the first answer again.

    Raises Refused: 402 for a declined card, 400 in the wrong state.
    """
    card = cards().get(payment_method)
    if card is None:
        raise Refused(400, "resource_missing", f"No such PaymentMethod: '{payment_method[:60]}'")
    async with world.store.transaction():
        intent = await _stored(world, identifier)
        if key in intent["replies"]:
            return _answer(intent, intent["replies"][key])
        if intent["status"] not in _PAYABLE:
            raise Refused(400, "payment_intent_unexpected_state", f"The payment is {intent['status']}.")
        intent |= {
            "payment_method": payment_method,
            "return_url": return_url,
            "last_payment_error": None,
            "delivery": scenarios.delivery_of(scenarios.CARD) or intent["delivery"],
        }
        planned = _planned(intent)
        if planned is not None:
            _decline(intent, planned)
        elif card.challenge:
            page = page_beside(return_url, f"cards/challenge/{identifier}")
            action = {"type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": return_url}}
            intent |= {"status": "requires_action", "next_action": action}
        elif card.delayed:
            intent["status"] = "processing"
            await world.store.schedule(world.now + _DEBIT_TAKES, SETTLE_DEBIT, {"payment_intent": identifier})
        elif card.decline is not None:
            _decline(intent, card.decline)
        else:
            await _charge(world, intent)
        error = intent["last_payment_error"]
        intent["replies"] = {**intent["replies"], key: error}
        await _save(world, intent)
    world.on_scheduled()
    return _answer(intent, error)


def _planned(intent: Document) -> Decline | None:
    """The decline that the scenario plans, whichever card is used."""
    outcome = scenarios.outcome_of(scenarios.CARD, amount_minor=intent["amount"]) or intent["outcome"]
    return _DECLINES.get(outcome) if outcome else None


def _answer(intent: Document, error: Document | None) -> Document:
    if error is not None:
        raise Refused(402, error["code"], error["message"], payment_intent=intent)
    return intent


async def answer_challenge(world: World, identifier: str, *, is_approved: bool) -> Document:
    """The payer approves or refuses at the 3-D Secure page."""
    async with world.store.transaction():
        intent = await _stored(world, identifier)
        if intent["status"] != "requires_action":
            raise Refused(409, "payment_intent_unexpected_state", "This page has done its work. Go back to the app.")
        card = cards()[intent["payment_method"]]
        if not is_approved:
            _decline(intent, ("payment_intent_authentication_failure", None))
        elif card.decline is not None:
            _decline(intent, card.decline)
        else:
            await _charge(world, intent)
        await _save(world, intent)
    world.on_scheduled()
    return intent


async def settle_debit(world: World, body: Document) -> None:
    """The outcome of a bank debit: it may come back after it was taken."""
    async with world.store.transaction():
        intent = await _stored(world, body["payment_intent"])
        if intent["status"] != "processing":
            return
        decline = cards()[intent["payment_method"]].decline
        if decline is not None:
            _decline(intent, decline)
        else:
            await _charge(world, intent)
        await _save(world, intent)


async def cancel(world: World, identifier: str) -> Document:
    async with world.store.transaction():
        intent = await _stored(world, identifier)
        if intent["status"] == "canceled":
            return intent
        if intent["status"] not in _CANCELLABLE:
            raise Refused(400, "payment_intent_unexpected_state", f"The payment is {intent['status']}.")
        intent |= {"status": "canceled", "next_action": None}
        await _save(world, intent)
    world.on_scheduled()
    return intent


async def _stored(world: World, identifier: str) -> Document:
    intent = await world.store.get("intent", identifier)
    if intent is None:
        raise Refused(404, "resource_missing", "There is no such payment intent.")
    return intent


async def _charge(world: World, intent: Document) -> None:
    """Charge the card for an intent. No other function does."""
    charge = {"id": f"ch_{intent['id'][3:]}", "amount": intent["amount"], "amount_refunded": 0}
    intent |= {
        "status": "succeeded",
        "next_action": None,
        "last_payment_error": None,
        "amount_received": intent["amount"],
        "latest_charge": charge,
    }
    await world.store.charge(world.now, intent["id"], {"payment_intent": intent["id"], **intent["metadata"], **charge})


def _decline(intent: Document, decline: Decline) -> None:
    intent |= {"status": "requires_payment_method", "next_action": None, "last_payment_error": error_of(decline)}


def error_of(decline: Decline) -> Document:
    """`last_payment_error`, in the vendor's form."""
    code, decline_code = decline
    message = _MESSAGES.get(code, "Your card was declined.")
    return {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}


_PRIVATE: Final = frozenset({"replies", "outcome", "delivery", "told"})
_EVENTS: Final = {
    "requires_payment_method": "payment_intent.payment_failed",
    "requires_action": "payment_intent.requires_action",
    "processing": "payment_intent.processing",
    "succeeded": "payment_intent.succeeded",
    "canceled": "payment_intent.canceled",
}


async def _save(world: World, intent: Document) -> None:
    shown = {key: intent[key] for key in intent if key not in _PRIVATE}
    await notify(world, _EVENTS[intent["status"]], shown, intent)
    await world.store.put("intent", intent["id"], intent)


def page_beside(return_url: str, path: str) -> str:
    """A page of the sandbox at the address that the browser came from."""
    origin = urlsplit(return_url)
    return f"{origin.scheme}://{origin.netloc}/sandbox/{path}"
