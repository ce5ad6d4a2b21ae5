"""Stripe's prices, subscriptions and invoices, as docs/vendors/stripe.md describes them."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from providers.calling.json_parts import within
from sandbox.card_catalogue import cards
from sandbox.cards import error_of
from tests.vendors.face import Refused
from tests.vendors.stripe_form import Form

PRICES = {"plan_plus": "price_1", "plan_plus_yearly": "price_2", "plan_premium": "price_3"}
_PRICE_DATA: Mapping[str, Mapping[str, Any]] = {
    "price_1": {"product": "plan_plus", "unit_amount": 4_900, "currency": "nok", "interval": "month"},
    "price_2": {"product": "plan_plus_yearly", "unit_amount": 49_000, "currency": "nok", "interval": "year"},
    "price_3": {"product": "plan_premium", "unit_amount": 9_900, "currency": "nok", "interval": "month"},
}


def refuse(status: int, code: str, message: str = "No.", kind: str = "invalid_request_error", **more: Any) -> Refused:
    return Refused(status, {"error": {"type": kind, "code": code, "message": message, **more}})


_EXPANDED = ["latest_invoice.payment_intent"]


class Subscriptions:
    """It remembers, besides the sandbox, subscriptions whose first payment is open, and by which intents they pay."""

    def __init__(self) -> None:
        self.waiting: dict[str, Form] = {}
        self.subscriptions: dict[str, str] = {}
        self.renewals: dict[str, str] = {}
        # Subscriptions that it wrongly shows as ended.
        self.denied: set[str] = set()
        # How its invoices differ from the sandbox's.
        self.odd_invoice: dict[str, Any] = {}
        # Statuses that our version of the API does not have, by the kind of object.
        self.words: dict[str, str] = {}
        # What its lists show besides, by their names.
        self.more: dict[str, list[Any]] = {}
        self.numbers = count(1)

    def worded(self, kind: str, shown: Mapping[str, Any]) -> dict[str, Any]:
        """The object with the status that the test wants."""
        return {**shown, "status": self.words.get(kind) or shown["status"]}

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the sandbox."""
        raise NotImplementedError

    async def price(self, form: Form, key: str, price: str) -> Any:
        if price not in _PRICE_DATA:
            raise refuse(404, "resource_missing", param="price")
        data = _PRICE_DATA[price]
        return {
            "id": price,
            "object": "price",
            "active": True,
            "currency": data["currency"],
            "unit_amount": data["unit_amount"],
            "recurring": {"interval": data["interval"], "interval_count": 1},
        }

    async def subscribe(self, form: Form, key: str) -> Any:
        if form["payment_behavior"] != "default_incomplete":
            raise refuse(400, "parameter_invalid", param="payment_behavior")
        if form["items"]["0"]["price"] not in _PRICE_DATA:
            raise refuse(400, "resource_missing", param="items[0][price]")
        intent = f"pi_first{next(self.numbers)}"
        self.waiting[intent] = form
        return self._incomplete(intent, form.get("expand", []))

    def is_of_subscription(self, intent: str) -> bool:
        return intent in self.waiting or intent in self.subscriptions or intent in self.renewals

    async def confirm_bill(self, form: Form, key: str, intent: str) -> Any:
        if intent in self.waiting:
            return await self._first_payment(form, key, intent)
        subscription = self.renewals.get(intent)
        shown = await self._subscription(subscription, _EXPANDED) if subscription else None
        if shown is None or shown["status"] != "past_due" or shown["latest_invoice"]["payment_intent"]["id"] != intent:
            raise refuse(400, "payment_intent_unexpected_state")
        body = {"payment_method": form["payment_method"], "return_url": form["return_url"], "idempotency_key": key}
        await self.ask("POST", f"/cards/subscriptions/{self._at_sandbox(shown['id'])}/pay", body)
        charged = (await self._subscription(shown["id"], _EXPANDED))["latest_invoice"]["payment_intent"]
        return _answer(charged)

    async def attach(self, form: Form, key: str, method: str) -> Any:
        card = cards().get(method)
        if card is None:
            raise refuse(400, "resource_missing", param="payment_method")
        if card.decline is not None and not card.challenge:
            raise Refused(402, {"error": error_of(card.decline)})
        return {"id": method, "object": "payment_method", "type": "card", "customer": form["customer"]}

    async def _first_payment(self, form: Form, key: str, intent: str) -> Any:
        given = self.waiting[intent]
        body = {
            "customer": given["customer"],
            "payment_method": form["payment_method"],
            "return_url": form["return_url"],
            "price_data": _PRICE_DATA[given["items"]["0"]["price"]],
            "metadata": given["metadata"],
            "idempotency_key": key,
        }
        made = await self.ask("POST", "/cards/subscriptions", body)
        del self.waiting[intent]
        self.subscriptions[intent] = made["id"]
        first = {"id": intent, "object": "payment_intent", **made["latest_invoice"]["payment_intent"]}
        return _answer(first)

    async def read_subscription(self, form: Form, key: str, subscription: str) -> Any:
        return await self._subscription(subscription, form.get("expand", []))

    async def subscriptions_of(self, form: Form, key: str) -> Any:
        expand = [path.removeprefix("data.") for path in form.get("expand", [])]
        known = [*self.waiting, *self.subscriptions]
        shown = [await self._subscription(f"sub_{intent}", expand) for intent in known]
        shown = [one for one in shown if form.get("customer", one["customer"]) == one["customer"]]
        return listed([*self.more.get("subscriptions", []), *shown], form)

    async def update_subscription(self, form: Form, key: str, subscription: str) -> Any:
        body: dict[str, object] = {key: form[key] for key in form if key == "default_payment_method"}
        if "cancel_at_period_end" in form:
            body["cancel_at_period_end"] = form["cancel_at_period_end"] == "true"
        await self.ask("POST", f"/cards/subscriptions/{self._at_sandbox(subscription)}", body)
        return await self._subscription(subscription, form.get("expand", []))

    async def end_subscription(self, form: Form, key: str, subscription: str) -> Any:
        intent = subscription.removeprefix("sub_")
        if intent in self.waiting:
            return {
                "id": subscription,
                "object": "subscription",
                "status": "incomplete_expired",
                **self.waiting.pop(intent),
            }
        stands = await self.ask("GET", f"/cards/subscriptions/{self._at_sandbox(subscription)}")
        if stands["status"] in ("canceled", "incomplete_expired"):
            raise refuse(404, "resource_missing", param="id")
        await self.ask("DELETE", f"/cards/subscriptions/{self._at_sandbox(subscription)}")
        return await self._subscription(subscription, [])

    async def invoices(self, form: Form, key: str) -> Any:
        if "subscription" not in form:
            billed = [await self.ask("GET", f"/cards/subscriptions/{one}") for one in self.subscriptions.values()]
            invoices = [await self.read_invoice({}, "", one["id"]) for found in billed for one in found["invoices"]]
            return listed([*self.more.get("invoices", []), *invoices], form)
        intent = form["subscription"].removeprefix("sub_")
        if intent in self.waiting:
            return page_of([{"id": "in_draft", "object": "invoice", "status": "draft", "number": None}], {})
        found = await self.ask("GET", f"/cards/subscriptions/{self._at_sandbox(form['subscription'])}")
        # Its own period is the one before (for usage): what was paid for stands on its line.
        invoices = [{**one, "period_start": one["created"], "period_end": one["created"]} for one in found["invoices"]]
        if "data.charge" in form.get("expand", []):
            invoices = [{**one, **await self._charged(one["id"])} for one in invoices]
        invoices = [self.worded("invoice", {**one, **self.odd_invoice}) for one in invoices]
        return page_of(invoices, form)

    async def _charged(self, invoice: str) -> dict[str, Any]:
        """By which intent an invoice is paid, and its charge as a list shows it where that is expanded."""
        intent = f"pi_{invoice}"
        charge = (await self.ask("GET", f"/cards/payment_intents/{intent}"))["latest_charge"]
        shown = charge and {"id": charge["id"], "object": "charge", "disputed": bool(charge["disputes"]["data"])}
        return {"payment_intent": intent, "charge": shown}

    async def read_invoice(self, form: Form, key: str, invoice: str) -> Any:
        found = await self.ask("GET", f"/cards/invoices/{invoice}")
        theirs = {sandbox: f"sub_{intent}" for intent, sandbox in self.subscriptions.items()}
        return {
            **found,
            "subscription": theirs.get(found["subscription"]),
            "payment_intent": f"pi_{invoice}",
            **self.odd_invoice,
        }

    def is_of_invoice(self, intent: str) -> bool:
        """Whether an intent pays an invoice, and the sandbox knows it by this id."""
        return intent.startswith("pi_in_")

    async def bill(self, intent: str, expand: list[str]) -> Any:
        """The intent that pays an invoice: at this version it names the invoice, which may be expanded."""
        found = await self.ask("GET", f"/cards/payment_intents/{intent}")
        charge = found["latest_charge"]
        invoice = await self.read_invoice({}, "", found["invoice"]) if "invoice" in expand else found["invoice"]
        return {**found, "latest_charge": charge and charge["id"], "invoice": invoice}

    def _at_sandbox(self, subscription: str) -> str:
        intent = subscription.removeprefix("sub_")
        if intent not in self.subscriptions:
            raise refuse(404, "resource_missing", param="id")
        return self.subscriptions[intent]

    async def _subscription(self, subscription: str, expand: list[str]) -> dict[str, Any]:
        intent = subscription.removeprefix("sub_")
        if intent in self.waiting:
            return self._incomplete(intent, expand)
        found = await self.ask("GET", f"/cards/subscriptions/{self._at_sandbox(subscription)}")
        invoice = found["latest_invoice"]
        # Each invoice has an intent of its own.
        is_first = min(found.pop("invoices"), key=lambda one: one["created"])["id"] == invoice["id"]
        bill = intent if is_first else f"pi_{invoice['id']}"
        if not is_first:
            self.renewals[bill] = subscription
        first = {"id": bill, "object": "payment_intent", **invoice["payment_intent"]}
        if subscription in self.denied:
            found["status"] = "canceled"
        found = self.worded("subscription", found)
        return {**found, "id": subscription, "latest_invoice": _shown_invoice(invoice, first, expand)}

    def _incomplete(self, intent: str, expand: list[str]) -> dict[str, Any]:
        given = self.waiting[intent]
        first = {
            "id": intent,
            "object": "payment_intent",
            "status": "requires_payment_method",
            "next_action": None,
            "last_payment_error": None,
        }
        invoice = {"id": f"in_{intent}", "object": "invoice", "status": "open"}
        return {
            "id": f"sub_{intent}",
            "object": "subscription",
            "customer": given["customer"],
            "metadata": given["metadata"],
            "status": "incomplete",
            "current_period_start": 1_800_000_000,
            "current_period_end": 1_802_000_000,
            "cancel_at_period_end": False,
            "cancellation_details": {"reason": None},
            "latest_invoice": _shown_invoice(invoice, first, expand),
        }


def _answer(intent: Mapping[str, Any]) -> Mapping[str, Any]:
    error = intent["last_payment_error"]
    if error is not None:
        raise Refused(402, {"error": {**error, "payment_intent": intent}})
    return {**intent, "client_secret": None}


def _shown_invoice(invoice: Mapping[str, Any], first: Mapping[str, Any], expand: list[str]) -> Any:
    if "latest_invoice.payment_intent" in expand:
        return {**invoice, "payment_intent": first}
    return invoice["id"]


def page_of(items: list[Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """The items behind `starting_after`, ten unless `limit` says otherwise."""
    limit, ids = int(form.get("limit", 10)), [within(one, "id") for one in items]
    items = items[ids.index(form["starting_after"]) + 1 :] if "starting_after" in form else items
    return {"object": "list", "data": items[:limit], "has_more": len(items) > limit, "url": "/v1/list"}


def listed(items: list[Any], form: Form) -> dict[str, Any]:
    """The page that a list's parameters ask for."""
    made = form.get("created", {})
    since, until = int(made.get("gte", 0)), int(made.get("lt", 2**40))
    found = [one for one in items if since <= int(within(one, "created") or since) < until]
    return page_of(found, form)
