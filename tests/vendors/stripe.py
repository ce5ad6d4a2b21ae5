"""Stripe's API over HTTP at version 2023-10-16, as docs/vendors/stripe.md describes it.

It takes forms, demands the key and the version, refuses parameters that it does not know, replays idempotency keys,
and gives ids where nothing was asked to be expanded.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.vendors.face import Endpoint, Refused, ask, face
from tests.vendors.stripe_form import Form, form_of, pairs_of
from tests.vendors.stripe_subscriptions import PRICES as PRICES
from tests.vendors.stripe_subscriptions import Subscriptions, page_of, refuse

API_KEY = "sk_test_contract"
VERSION = "2023-10-16"


def _refused_by_sandbox(status: int, answer: Mapping[str, Any]) -> Refused:
    if status != 402:
        return refuse(status, answer["code"], answer["message"])
    intent = answer["payment_intent"]
    shown = {**intent, "latest_charge": f"ch_{intent['id'][3:]}"}
    return Refused(402, {"error": {**intent["last_payment_error"], "payment_intent": shown}})


class Stripe(Subscriptions):
    """What it remembers besides the sandbox: idempotency keys, customers, and what its lists show."""

    def __init__(self, inner: httpx.AsyncClient) -> None:
        super().__init__()
        self.inner = inner
        self.replies: dict[str, tuple[object, int, Any]] = {}
        # The sandbox behind keeps its keys for good: those of another day are others.
        self.days = 0
        self.intents: list[str] = []
        # By the query that finds them.
        self.customers: dict[str, Any] = {}
        self.cards: list[str] = []
        # What happens between its reading of an intent and its answer, once.
        self.after_reading: Callable[[], Awaitable[object]] | None = None
        # Requests of these methods are carried out and answered by 500.
        self.silent: set[str] = set()
        # What happens when it has carried out a command.
        self.after_command: Callable[[], object] | None = None
        # Why refunds fail; None where it does not say.
        self.refund_failure: str | None = "expired_or_canceled_card"
        # How its account's own balance, which is short, shows: refunds are "refused", or made and have "failed".
        self.short_of_funds: str | None = None
        self.unpaid_refunds: list[dict[str, Any]] = []

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
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
        return page_of(shown, int(form.get("limit", 10)))

    async def read_intent(self, form: Form, key: str, intent: str) -> Any:
        if self.is_of_invoice(intent):
            return await self.bill(intent, form.get("expand", []))
        shown = self._shown(await self.ask("GET", f"/cards/payment_intents/{intent}"), form)
        if self.after_reading is not None:
            meanwhile, self.after_reading = self.after_reading, None
            await meanwhile()
        return shown

    async def confirm(self, form: Form, key: str, intent: str) -> Any:
        if self.is_of_subscription(intent):
            return await self.confirm_bill(form, key, intent)
        body = {"payment_method": form["payment_method"], "return_url": form["return_url"], "idempotency_key": key}
        return self._shown(await self.ask("POST", f"/cards/payment_intents/{intent}/confirm", body), form)

    async def cancel(self, form: Form, key: str, intent: str) -> Any:
        stands = await self.ask("GET", f"/cards/payment_intents/{intent}")
        if stands["status"] == "canceled":
            raise refuse(400, "payment_intent_unexpected_state")
        return self._shown(await self.ask("POST", f"/cards/payment_intents/{intent}/cancel", {}), form)

    async def refund(self, form: Form, key: str) -> Any:
        amount = {"amount": int(form["amount"])} if "amount" in form else {}
        if self.short_of_funds == "refused":
            raise refuse(400, "balance_insufficient", "Insufficient funds in your Stripe account.")
        if self.short_of_funds == "failed":
            unpaid = {"id": f"re_unpaid{next(self.numbers)}", "object": "refund", "currency": "nok", **form, **amount}
            self.unpaid_refunds.append({**unpaid, "status": "failed", "failure_reason": "insufficient_funds"})
            return {**unpaid, "status": "pending"}
        made = await self.ask("POST", "/cards/refunds", {**form, **amount, "idempotency_key": key})
        return self.worded("refund", made)

    async def refunds(self, form: Form, key: str) -> Any:
        intent = await self.ask("GET", f"/cards/payment_intents/{form['payment_intent']}")
        return page_of(self._refunds_of(intent), int(form.get("limit", 10)))

    async def disputes(self, form: Form, key: str) -> Any:
        intent = await self.ask("GET", f"/cards/payment_intents/{form['payment_intent']}")
        disputes = (intent["latest_charge"] or {"disputes": {"data": []}})["disputes"]["data"]
        return page_of([self.worded("dispute", one) for one in disputes[::-1]], int(form.get("limit", 10)))

    def _refunds_of(self, intent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        made = [self._refund(one) for one in ((intent["latest_charge"] or {}).get("refunds") or {}).get("data", [])]
        return made + [one for one in self.unpaid_refunds[::-1] if one["payment_intent"] == intent["id"]]

    def _refund(self, refund: Mapping[str, Any]) -> Mapping[str, Any]:
        shown = {**refund, "failure_reason": self.refund_failure} if refund["status"] == "failed" else refund
        return self.worded("refund", shown)

    def _shown(self, intent: dict[str, Any], form: Form) -> dict[str, Any]:
        """A charge is its id unless it is expanded; it names its dispute by `disputed` alone."""
        intent = self.worded("payment_intent", intent)
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
            "disputed": bool(charge["disputes"]["data"]),
        }
        if "latest_charge.refunds" in expand:
            shown["refunds"] = page_of(self._refunds_of(intent), 10)
        return {**intent, "latest_charge": shown}

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
        return page_of([one for one in found if one["cardholder"] == form["cardholder"]], int(form.get("limit", 10)))

    async def read_card(self, form: Form, key: str, card: str) -> Any:
        return await self.ask("GET", f"/issuing/cards/{card}")

    async def update_card(self, form: Form, key: str, card: str) -> Any:
        return await self.ask("POST", f"/issuing/cards/{card}", {"status": form["status"]})


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
            if request.method != "GET" and stripe.after_command is not None:
                stripe.after_command()
            if request.method in stripe.silent:
                return JSONResponse({}, status_code=500)
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
            route("/payment_methods/{method}/attach", "POST", stripe.attach, "customer"),
            route(
                "/subscriptions/{subscription}",
                "POST",
                stripe.update_subscription,
                *("cancel_at_period_end", "default_payment_method"),
            ),
            route("/subscriptions/{subscription}", "DELETE", stripe.end_subscription),
            route("/invoices", "GET", stripe.invoices, "subscription", "limit"),
            route("/invoices/{invoice}", "GET", stripe.read_invoice),
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
