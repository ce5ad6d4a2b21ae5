"""The card vendor's subscriptions: first payment, renewals with their invoices, failed renewals, the end."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Final

from sandbox import plan_charges
from sandbox.card_catalogue import Card, Decline, cards
from sandbox.card_events import notify
from sandbox.cards import error_of, page_beside
from sandbox.keys import known_by, remember
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

RENEW: Final = "renew_subscription"
FIRST_PAYMENT_ENDS: Final = "first_payment_ends"
_FIRST_PAYMENT_WITHIN: Final = timedelta(hours=23)
_TRY_AGAIN_AFTER: Final = (timedelta(days=1), timedelta(days=3), timedelta(days=5))
_MONTHS: Final = {"month": 1, "year": 12}


async def create(world: World, body: Document) -> Document:
    """The same idempotency key gives the same subscription."""
    card = _card(body["payment_method"])
    async with world.store.transaction():
        known = await known_by(world, "subscription", body)
        if known is not None:
            return known
        price = body["price_data"]
        start, end = world.now, _later(world.now, _MONTHS[price["interval"]])
        subscription: Document = {
            "id": f"sub_{await world.store.next_number('subscription'):06d}",
            "object": "subscription",
            "customer": body["customer"],
            "metadata": body["metadata"],
            "price": price,
            "default_payment_method": body["payment_method"],
            "status": "incomplete",
            "billing_cycle_anchor": _epoch(start),
            "current_period_start": _epoch(start),
            "current_period_end": _epoch(end),
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": {"reason": None},
            "latest_invoice": None,
            "failed_renewals": 0,
            "return_url": body["return_url"],
            "paid_by": [],
            "created": _epoch(start),
        }
        await world.store.put("subscription", subscription["id"], subscription)
        await remember(world, "subscription", body, subscription["id"])
        await _first_payment(world, subscription, card, body["return_url"])
    world.on_scheduled()
    return subscription


async def by_id(world: World, identifier: str) -> Document:
    subscription = await world.store.get("subscription", identifier)
    if subscription is None:
        raise Refused(404, "resource_missing", "There is no such subscription.")
    return {**subscription, "invoices": await world.store.of_owner("invoice", identifier)}


async def answer_challenge(world: World, identifier: str, *, is_approved: bool) -> str:
    """3-D Secure of the first payment or a renewal. Gives where the browser goes."""
    async with world.store.transaction():
        subscription = await _stored(world, identifier)
        if not awaits_approval(subscription):
            raise Refused(409, "payment_intent_unexpected_state", "This page has done its work. Go back to the app.")
        invoice = subscription["latest_invoice"]
        decline = _card(subscription["default_payment_method"]).decline
        if not is_approved:
            decline = ("payment_intent_authentication_failure", None)
        if subscription["status"] == "incomplete" or decline is not None:
            await _settle_first(world, subscription, invoice, decline)
        else:
            await _renewed(world, subscription, invoice)
    world.on_scheduled()
    return str(subscription["return_url"])


def awaits_approval(subscription: Document) -> bool:
    """Whether the newest bill waits for its payer at the 3-D Secure page."""
    is_unpaid = subscription["status"] in ("incomplete", "past_due")
    return is_unpaid and subscription["latest_invoice"]["payment_intent"]["next_action"] is not None


async def end_first_payment(world: World, body: Document) -> None:
    """End the subscription whose first payment was not approved in time."""
    async with world.store.transaction():
        subscription = await _stored(world, body["subscription"])
        if subscription["status"] == "incomplete":
            await _end(world, subscription, "incomplete_expired", "payment_failed")


async def update(world: World, identifier: str, changes: Document) -> Document:
    """`cancel_at_period_end` or `default_payment_method`."""
    _card(changes.get("default_payment_method", "pm_card_visa"))
    async with world.store.transaction():
        subscription = await _stored(world, identifier)
        if subscription["status"] not in ("active", "past_due"):
            raise Refused(400, "resource_missing", f"The subscription is {subscription['status']}.")
        subscription |= changes
        await _save(world, subscription, "customer.subscription.updated")
    world.on_scheduled()
    return await by_id(world, identifier)


async def pay(world: World, identifier: str, body: Document) -> Document:
    """Pay by another card from now on, an open bill at once. A repeated idempotency key gets what is so by now."""
    card = _card(body["payment_method"])
    if card.decline is not None and not card.challenge:
        error = error_of(card.decline)
        raise Refused(402, error["code"], error["message"], decline_code=error["decline_code"])
    async with world.store.transaction():
        subscription = await _stored(world, identifier)
        if body["idempotency_key"] in subscription["paid_by"]:
            return await by_id(world, identifier)
        if subscription["status"] not in ("active", "past_due"):
            raise Refused(400, "resource_missing", f"The subscription is {subscription['status']}.")
        subscription |= {
            "default_payment_method": body["payment_method"],
            "return_url": body["return_url"],
            "paid_by": [*subscription["paid_by"], body["idempotency_key"]],
        }
        if subscription["status"] == "active":
            await _save(world, subscription, "customer.subscription.updated")
        else:
            await _pay_open(world, subscription, card)
    world.on_scheduled()
    return await by_id(world, identifier)


async def _pay_open(world: World, subscription: Document, card: Card) -> None:
    invoice = subscription["latest_invoice"]
    if card.challenge:
        await _keep_unpaid(world, subscription, invoice, _challenged(invoice, subscription["return_url"]))
        await _save(world, subscription, "customer.subscription.updated")
    elif card.renewal_decline is not None:
        await _settle_first(world, subscription, invoice, card.renewal_decline)
    else:
        await _renewed(world, subscription, invoice)


async def cancel(world: World, identifier: str) -> Document:
    async with world.store.transaction():
        subscription = await _stored(world, identifier)
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            await _end(world, subscription, "canceled", "cancellation_requested")
    world.on_scheduled()
    return await by_id(world, identifier)


async def renew(world: World, body: Document) -> None:
    """Bill the next period, or try a failed renewal again."""
    async with world.store.transaction():
        subscription = await _stored(world, body["subscription"])
        # The renewal was done before, or the subscription has ended.
        is_expected = body["expects"] == _expects(subscription)
        if subscription["status"] not in ("active", "past_due") or not is_expected:
            return
        if subscription["cancel_at_period_end"]:
            await _end(world, subscription, "canceled", "cancellation_requested")
            return
        start = datetime.fromtimestamp(subscription["current_period_end"], UTC)
        invoice = await _invoice(world, subscription, start, _next_end(subscription, start))
        card = _card(subscription["default_payment_method"])
        if card.renewal_challenge:
            # Nobody is there to be led to a page: the vendor's own page of the invoice waits.
            waiting = {
                "status": "requires_action",
                "next_action": {"type": "use_stripe_sdk"},
                "last_payment_error": None,
            }
            await _failed(world, subscription, invoice, waiting)
        elif card.renewal_decline is not None:
            await _failed(world, subscription, invoice, _declined(card.renewal_decline))
        else:
            await _renewed(world, subscription, invoice)


async def _renewed(world: World, subscription: Document, invoice: Document) -> None:
    await _pay(world, subscription, invoice)
    period = invoice["lines"]["data"][0]["period"]
    subscription |= {
        "status": "active",
        "current_period_start": period["start"],
        "current_period_end": period["end"],
        "failed_renewals": 0,
    }
    await _save(world, subscription, "customer.subscription.updated")
    await _expect_renewal(world, subscription, datetime.fromtimestamp(period["end"], UTC))


async def _failed(world: World, subscription: Document, invoice: Document, intent: Document) -> None:
    tries = subscription["failed_renewals"]
    subscription |= {"status": "past_due", "failed_renewals": tries + 1}
    await _keep_unpaid(world, subscription, invoice, intent)
    await notify(world, "invoice.payment_failed", invoice)
    if tries < len(_TRY_AGAIN_AFTER):
        await _save(world, subscription, "customer.subscription.updated")
        await _expect_renewal(world, subscription, world.now + _TRY_AGAIN_AFTER[tries])
    else:
        await _end(world, subscription, "canceled", "payment_failed")


async def _first_payment(world: World, subscription: Document, card: Card, return_url: str) -> None:
    start = datetime.fromtimestamp(subscription["current_period_start"], UTC)
    end = datetime.fromtimestamp(subscription["current_period_end"], UTC)
    invoice = await _invoice(world, subscription, start, end)
    if card.challenge:
        await _keep_unpaid(world, subscription, invoice, _challenged(invoice, return_url))
        await _save(world, subscription, "customer.subscription.created")
        ends = {"subscription": subscription["id"]}
        await world.store.schedule(world.now + _FIRST_PAYMENT_WITHIN, FIRST_PAYMENT_ENDS, ends)
        return
    await _settle_first(world, subscription, invoice, card.decline)


async def _settle_first(world: World, subscription: Document, invoice: Document, decline: Decline | None) -> None:
    if decline is None:
        await _pay(world, subscription, invoice)
        subscription["status"] = "active"
        await _save(world, subscription, "customer.subscription.updated")
        await _expect_renewal(world, subscription, datetime.fromtimestamp(subscription["current_period_end"], UTC))
        return
    await _keep_unpaid(world, subscription, invoice, _declined(decline))
    await notify(world, "invoice.payment_failed", invoice)
    await _save(world, subscription, "customer.subscription.updated")


async def _keep_unpaid(world: World, subscription: Document, invoice: Document, intent: Document) -> None:
    invoice["payment_intent"] = intent
    await world.store.put("invoice", invoice["id"], invoice, owner=subscription["id"])
    await notify(world, plan_charges.event_of(intent), plan_charges.shown_intent(invoice, intent))
    subscription["latest_invoice"] = invoice


def _challenged(invoice: Document, return_url: str) -> Document:
    page = {"url": invoice["hosted_invoice_url"], "return_url": return_url}
    action = {"type": "redirect_to_url", "redirect_to_url": page}
    return {"status": "requires_action", "next_action": action, "last_payment_error": None}


def _declined(decline: Decline) -> Document:
    return {"status": "requires_payment_method", "next_action": None, "last_payment_error": error_of(decline)}


async def _invoice(world: World, subscription: Document, start: datetime, end: datetime) -> Document:
    """One invoice a period, however often its payment is tried."""
    reference = f"{subscription['id']}:{_epoch(start)}"
    known = await world.store.by_reference("invoice", reference)
    if known is not None:
        return known
    invoice: Document = {
        "id": f"in_{await world.store.next_number('invoice'):06d}",
        "object": "invoice",
        "number": f"DROP-{await world.store.next_number('invoice_number'):05d}",
        "subscription": subscription["id"],
        "metadata": {},
        "subscription_details": {"metadata": subscription["metadata"]},
        "amount_due": subscription["price"]["unit_amount"],
        "currency": subscription["price"]["currency"],
        "status": "open",
        "lines": {"data": [{"period": {"start": _epoch(start), "end": _epoch(end)}}]},
        "created": _epoch(world.now),
        "hosted_invoice_url": page_beside(subscription["return_url"], f"cards/plan-challenge/{subscription['id']}"),
        "payment_intent": {"status": "requires_payment_method", "next_action": None, "last_payment_error": None},
    }
    await world.store.put("invoice", invoice["id"], invoice, owner=subscription["id"], reference=reference)
    return invoice


async def _pay(world: World, subscription: Document, invoice: Document) -> None:
    paid = {"status": "succeeded", "next_action": None, "last_payment_error": None}
    invoice |= {"status": "paid", "payment_intent": paid}
    subscription["latest_invoice"] = invoice
    await world.store.put("invoice", invoice["id"], invoice, owner=subscription["id"])
    charge = {"invoice": invoice["id"], "amount": invoice["amount_due"], **subscription["metadata"]}
    await world.store.charge(world.now, invoice["id"], charge)
    await notify(world, plan_charges.event_of(paid), plan_charges.shown_intent(invoice, paid))
    await notify(world, "invoice.paid", invoice)


async def _end(world: World, subscription: Document, status: str, reason: str) -> None:
    subscription |= {
        "status": status,
        "canceled_at": _epoch(world.now),
        "cancellation_details": {"reason": reason},
    }
    await _save(world, subscription, "customer.subscription.deleted")


async def _save(world: World, subscription: Document, kind: str) -> None:
    await world.store.put("subscription", subscription["id"], subscription)
    await notify(world, kind, subscription)


async def _expect_renewal(world: World, subscription: Document, at: datetime) -> None:
    body = {"subscription": subscription["id"], "expects": _expects(subscription)}
    await world.store.schedule(at, RENEW, body)


def _expects(subscription: Document) -> list[int]:
    """Which renewal this is, and which try of it."""
    return [subscription["current_period_end"], subscription["failed_renewals"]]


async def _stored(world: World, identifier: str) -> Document:
    subscription = await world.store.get("subscription", identifier)
    if subscription is None:
        raise Refused(404, "resource_missing", "There is no such subscription.")
    return subscription


def _card(payment_method: str) -> Card:
    card = cards().get(payment_method)
    if card is None:
        raise Refused(400, "resource_missing", f"No such PaymentMethod: '{payment_method[:60]}'")
    return card


def _next_end(subscription: Document, start: datetime) -> datetime:
    """Counted from the first day: a plan of 31 January is billed on 28 February and on 31 March."""
    anchor = datetime.fromtimestamp(subscription["billing_cycle_anchor"], UTC)
    passed = 12 * (start.year - anchor.year) + start.month - anchor.month
    return _later(anchor, passed + _MONTHS[subscription["price"]["interval"]])


def _later(at: datetime, months: int) -> datetime:
    """The same day `months` later, or the last day of a shorter month."""
    count = at.month - 1 + months
    year, month = at.year + count // 12, count % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
