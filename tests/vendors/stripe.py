"""Stripe's API over HTTP at version 2023-10-16, as docs/vendors/stripe.md describes it.

It takes forms, demands the key and the version, refuses parameters that it does not know, replays idempotency keys,
and gives ids where nothing was asked to be expanded.
"""

from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.vendors.face import Endpoint, Refused, ask, face
from tests.vendors.stripe_form import Form, form_of, pairs_of

API_KEY = "sk_test_contract"
VERSION = "2023-10-16"
PRICES = {"plan_plus": "price_1", "plan_plus_yearly": "price_2", "plan_premium": "price_3"}
_PRICE_DATA: Mapping[str, Mapping[str, Any]] = {
    "price_1": {"product": "plan_plus", "unit_amount": 4_900, "currency": "nok", "interval": "month"},
    "price_2": {"product": "plan_plus_yearly", "unit_amount": 49_000, "currency": "nok", "interval": "year"},
    "price_3": {"product": "plan_premium", "unit_amount": 9_900, "currency": "nok", "interval": "month"},
}


def refuse(status: int, code: str, message: str = "No.", kind: str = "invalid_request_error", **more: Any) -> Refused:
    return Refused(status, {"error": {"type": kind, "code": code, "message": message, **more}})


def _refused_by_sandbox(status: int, answer: Mapping[str, Any]) -> Refused:
    if status != 402:
        return refuse(status, answer["code"], answer["message"])
    intent = answer["payment_intent"]
    shown = {**intent, "latest_charge": f"ch_{intent['id'][3:]}"}
    return Refused(402, {"error": {**intent["last_payment_error"], "payment_intent": shown}})


class Stripe:
    """What it remembers besides the sandbox: idempotency keys, and subscriptions whose first payment is open."""

    def __init__(self, inner: httpx.AsyncClient) -> None:
        self.inner = inner
        self.replies: dict[str, tuple[object, int, Any]] = {}
        self.waiting: dict[str, Form] = {}
        self.subscriptions: dict[str, str] = {}
        # The sandbox behind keeps its keys for good: those of another day are others.
        self.days = 0
        self.intents: list[str] = []
        # By the query that finds them.
        self.customers: dict[str, Any] = {}
        self.cards: list[str] = []
        self.numbers = count(1)
        # Why refunds fail; None where it does not say.
        self.refund_failure: str | None = "expired_or_canceled_card"

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return await ask(self.inner, method, path, _refused_by_sandbox, **({"json": body} if body is not None else {}))

    # Customers, payment intents, refunds, disputes

    async def create_customer(self, form: Form, key: str) -> Any:
        body = {"name": form.get("name"), "metadata": form.get("metadata", {}), "idempotency_key": key}
        made = await self.ask("POST", "/cards/customers", body)
        self.customers[f"metadata['userId']:'{body['metadata'].get('userId')}'"] = made
        return made

    async def search_customers(self, form: Form, key: str) -> Any:
        found = self.customers.get(form["query"])
        return {"object": "search_result", "data": [found] if found else [], "has_more": False, "url": "/v1/search"}

    async def delete_customer(self, form: Form, key: str, customer: str) -> Any:
        return await self.ask("DELETE", f"/cards/customers/{customer}")

    async def create_intent(self, form: Form, key: str) -> Any:
        if form.get("automatic_payment_methods") != {"enabled": "true"}:
            raise refuse(400, "parameter_missing", param="automatic_payment_methods")
        body = {**form, "amount": int(form["amount"]), "metadata": form.get("metadata", {}), "idempotency_key": key}
        made = await self.ask("POST", "/cards/payment_intents", body)
        self.intents.insert(0, made["id"])
        return self._shown(made, form)

    async def intents_of(self, form: Form, key: str) -> Any:
        found = [await self.ask("GET", f"/cards/payment_intents/{intent}") for intent in self.intents]
        shown = [self._shown(one, form) for one in found if one["customer"] == form["customer"]]
        return _page(shown, int(form.get("limit", 10)))

    async def read_intent(self, form: Form, key: str, intent: str) -> Any:
        return self._shown(await self.ask("GET", f"/cards/payment_intents/{intent}"), form)

    async def confirm(self, form: Form, key: str, intent: str) -> Any:
        if intent in self.waiting:
            return await self._first_payment(form, key, intent)
        if intent in self.subscriptions:
            raise refuse(400, "payment_intent_unexpected_state")
        body = {"payment_method": form["payment_method"], "return_url": form["return_url"], "idempotency_key": key}
        return self._shown(await self.ask("POST", f"/cards/payment_intents/{intent}/confirm", body), form)

    async def cancel(self, form: Form, key: str, intent: str) -> Any:
        stands = await self.ask("GET", f"/cards/payment_intents/{intent}")
        if stands["status"] == "canceled":
            raise refuse(400, "payment_intent_unexpected_state")
        return self._shown(await self.ask("POST", f"/cards/payment_intents/{intent}/cancel", {}), form)

    async def refund(self, form: Form, key: str) -> Any:
        body = {**form, "amount": int(form["amount"]), "idempotency_key": key}
        return await self.ask("POST", "/cards/refunds", body)

    async def refunds(self, form: Form, key: str) -> Any:
        intent = await self.ask("GET", f"/cards/payment_intents/{form['payment_intent']}")
        charge = intent["latest_charge"] or {"refunds": {"data": []}}
        return _page([self._refund(one) for one in charge["refunds"]["data"]], int(form.get("limit", 10)))

    async def disputes(self, form: Form, key: str) -> Any:
        intent = await self.ask("GET", f"/cards/payment_intents/{form['payment_intent']}")
        dispute = (intent["latest_charge"] or {}).get("dispute")
        return _page([dispute] if dispute else [], int(form.get("limit", 10)))

    def _refund(self, refund: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**refund, "failure_reason": self.refund_failure} if refund["status"] == "failed" else refund

    def _shown(self, intent: dict[str, Any], form: Form) -> dict[str, Any]:
        """A charge is its id unless it is expanded; it names its dispute by `disputed` alone."""
        charge = intent["latest_charge"]
        if charge is None:
            return intent
        expand = form.get("expand", [])
        if not any(path.startswith("latest_charge") for path in expand):
            return {**intent, "latest_charge": charge["id"]}
        shown = {
            "id": charge["id"],
            "object": "charge",
            "amount": charge["amount"],
            "disputed": bool(charge["dispute"]),
        }
        if "latest_charge.refunds" in expand:
            shown["refunds"] = _page([self._refund(one) for one in charge["refunds"]["data"]], 10)
        return {**intent, "latest_charge": shown}

    # Prices and subscriptions

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
        error = first["last_payment_error"]
        if error is not None:
            raise Refused(402, {"error": {**error, "payment_intent": first}})
        return {**first, "client_secret": None}

    async def read_subscription(self, form: Form, key: str, subscription: str) -> Any:
        return await self._subscription(subscription, form.get("expand", []))

    async def subscriptions_of(self, form: Form, key: str) -> Any:
        expand = [path.removeprefix("data.") for path in form.get("expand", [])]
        known = [*self.waiting, *self.subscriptions]
        shown = [await self._subscription(f"sub_{intent}", expand) for intent in known]
        return _page([one for one in shown if one["customer"] == form["customer"]], int(form.get("limit", 10)))

    async def update_subscription(self, form: Form, key: str, subscription: str) -> Any:
        body = {"cancel_at_period_end": form["cancel_at_period_end"] == "true"}
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
        intent = form["subscription"].removeprefix("sub_")
        if intent in self.waiting:
            return _page([{"id": "in_draft", "object": "invoice", "status": "draft", "number": None}], 10)
        found = await self.ask("GET", f"/cards/subscriptions/{self._at_sandbox(form['subscription'])}")
        # Its own period is the one before (for usage): what was paid for stands on its line.
        invoices = [{**one, "period_start": one["created"], "period_end": one["created"]} for one in found["invoices"]]
        return _page(invoices, int(form.get("limit", 10)))

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
        first = {"id": intent, "object": "payment_intent", **invoice["payment_intent"]}
        found.pop("invoices")
        return {**found, "id": subscription, "latest_invoice": _invoice(invoice, first, expand)}

    def _incomplete(self, intent: str, expand: list[str]) -> dict[str, Any]:
        given = self.waiting[intent]
        first = {
            "id": intent,
            "object": "payment_intent",
            "status": "requires_payment_method",
            "next_action": None,
            "last_payment_error": None,
        }
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
            "latest_invoice": _invoice({"id": f"in_{intent}", "object": "invoice"}, first, expand),
        }

    # Issuing

    async def create_cardholder(self, form: Form, key: str) -> Any:
        address = {"postal_code": "", **form["billing"]["address"]}
        if not all(address.get(name) for name in ("line1", "city", "country", "postal_code")):
            raise refuse(400, "parameter_missing", param="billing[address]")
        return await self.ask("POST", "/issuing/cardholders", {**form, "idempotency_key": key})

    async def update_cardholder(self, form: Form, key: str, holder: str) -> Any:
        return {"id": holder, "object": "issuing.cardholder", **form}

    async def create_card(self, form: Form, key: str) -> Any:
        if form["type"] == "physical" and not form["shipping"]["address"]["line1"]:
            raise refuse(400, "parameter_missing", param="shipping[address][line1]")
        made = await self.ask("POST", "/issuing/cards", {**form, "idempotency_key": key})
        self.cards.insert(0, made["id"])
        return made

    async def cards_of(self, form: Form, key: str) -> Any:
        found = [await self.ask("GET", f"/issuing/cards/{card}") for card in self.cards]
        return _page([one for one in found if one["cardholder"] == form["cardholder"]], int(form.get("limit", 10)))

    async def read_card(self, form: Form, key: str, card: str) -> Any:
        return await self.ask("GET", f"/issuing/cards/{card}")

    async def update_card(self, form: Form, key: str, card: str) -> Any:
        return await self.ask("POST", f"/issuing/cards/{card}", {"status": form["status"]})


def _invoice(invoice: Mapping[str, Any], first: Mapping[str, Any], expand: list[str]) -> Any:
    if "latest_invoice.payment_intent" in expand:
        return {**invoice, "payment_intent": first}
    return invoice["id"]


def _page(items: list[Any], limit: int) -> dict[str, Any]:
    return {"object": "list", "data": items[:limit], "has_more": len(items) > limit, "url": "/v1/list"}


Handler = Callable[..., Awaitable[Any]]


def app(stripe: Stripe) -> Starlette:

    def endpoint(handler: Handler, known: set[str]) -> Endpoint:
        async def answer(request: Request) -> Response:
            _demand_credentials(request)
            form = form_of([*request.query_params.multi_items(), *pairs_of(await request.form())])
            if isinstance(form.get("expand"), dict):  # `expand[0]=a`, as SDKs write `expand[]=a`
                form["expand"] = list(form["expand"].values())
            unknown = set(form) - known - {"expand"}
            if unknown:
                raise refuse(
                    400, "parameter_unknown", f"Received unknown parameter: {min(unknown)}", param=min(unknown)
                )
            given = request.headers.get("idempotency-key") if request.method == "POST" else None
            key = f"{stripe.days}:{given}" if given and stripe.days else given
            asked = (request.method, request.url.path, form)
            if key is not None and key in stripe.replies:
                earlier, status, body = stripe.replies[key]
                if earlier != asked:
                    raise refuse(400, "idempotency_key_reused", kind="idempotency_error")
                return JSONResponse(body, status_code=status, headers={"idempotent-replayed": "true"})
            status = 200
            try:
                body = await handler(form, key or f"none-{next(stripe.numbers)}", **request.path_params)
            except Refused as refused:
                # Nothing is stored where validation failed before anything was done (stripe.md, Idempotency).
                if refused.status != 402:
                    raise
                status, body = refused.status, refused.body
            if key is not None:
                stripe.replies[key] = (asked, status, body)
            return JSONResponse(body, status_code=status, headers={"request-id": f"req_{next(stripe.numbers)}"})

        return answer

    def route(path: str, method: str, handler: Handler, *known: str) -> Route:
        return Route(f"/v1{path}", endpoint(handler, set(known)), methods=[method])

    return face(
        [
            route("/customers", "POST", stripe.create_customer, "email", "name", "phone", "metadata"),
            route("/customers/search", "GET", stripe.search_customers, "query", "limit"),
            route("/customers/{customer}", "DELETE", stripe.delete_customer),
            route(
                "/payment_intents",
                "POST",
                stripe.create_intent,
                *("amount", "currency", "customer", "automatic_payment_methods", "description", "metadata"),
            ),
            route("/payment_intents", "GET", stripe.intents_of, "customer", "created", "limit"),
            route("/payment_intents/{intent}", "GET", stripe.read_intent),
            route("/payment_intents/{intent}/confirm", "POST", stripe.confirm, "payment_method", "return_url"),
            route("/payment_intents/{intent}/cancel", "POST", stripe.cancel, "cancellation_reason"),
            route("/refunds", "POST", stripe.refund, "payment_intent", "amount", "reason", "metadata"),
            route("/refunds", "GET", stripe.refunds, "payment_intent", "limit"),
            route("/disputes", "GET", stripe.disputes, "payment_intent", "limit"),
            route("/prices/{price}", "GET", stripe.price),
            route(
                "/subscriptions",
                "POST",
                stripe.subscribe,
                *("customer", "items", "payment_behavior", "payment_settings", "metadata"),
            ),
            route("/subscriptions", "GET", stripe.subscriptions_of, "customer", "status", "limit"),
            route("/subscriptions/{subscription}", "GET", stripe.read_subscription),
            route("/subscriptions/{subscription}", "POST", stripe.update_subscription, "cancel_at_period_end"),
            route("/subscriptions/{subscription}", "DELETE", stripe.end_subscription),
            route("/invoices", "GET", stripe.invoices, "subscription", "limit"),
            route(
                "/issuing/cardholders",
                "POST",
                stripe.create_cardholder,
                *("type", "name", "email", "phone_number", "billing", "metadata"),
            ),
            route("/issuing/cardholders/{holder}", "POST", stripe.update_cardholder, "email", "phone_number"),
            route(
                "/issuing/cards",
                "POST",
                stripe.create_card,
                *("cardholder", "currency", "type", "status", "shipping", "metadata"),
            ),
            route("/issuing/cards", "GET", stripe.cards_of, "cardholder", "limit"),
            route("/issuing/cards/{card}", "GET", stripe.read_card),
            route("/issuing/cards/{card}", "POST", stripe.update_card, "status"),
        ]
    )


def _demand_credentials(request: Request) -> None:
    if request.headers.get("authorization") != f"Bearer {API_KEY}":
        raise refuse(401, "api_key_invalid", "Invalid API Key provided.")
    if request.headers.get("stripe-version") != VERSION:
        raise refuse(400, "version_invalid", "The shapes are those of another version.")
