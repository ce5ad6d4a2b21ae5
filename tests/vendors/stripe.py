"""Stripe's API over HTTP at version 2023-10-16, as docs/vendors/stripe.md describes it.

It takes forms, demands the key and the version, refuses parameters that it does not know, replays idempotency keys,
and gives ids where nothing was asked to be expanded.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.vendors.face import Endpoint, Refused, ask, face
from tests.vendors.stripe_form import Form, form_of, pairs_of
from tests.vendors.stripe_subscriptions import PRICES as PRICES
from tests.vendors.stripe_subscriptions import Subscriptions, listed, page_of, refuse

API_KEY = "sk_test_contract"
_PAGED = ("limit", "starting_after")
VERSION = "2023-10-16"


def _refused_by_sandbox(status: int, answer: Mapping[str, Any]) -> Refused:
    if status != 402:
        return refuse(status, answer["code"], answer["message"])
    intent = answer["payment_intent"]
    shown = {**intent, "latest_charge": f"ch_{intent['id'][3:]}"}
    return Refused(402, {"error": {**intent["last_payment_error"], "payment_intent": shown}})


_KEYS_LIVE = timedelta(hours=24)


class HasTime(Protocol):
    def now(self) -> datetime: ...


@dataclass(frozen=True)
class Reply:
    """What it keeps of an answer under an idempotency key: to what, when, and the answer."""

    asked: object
    at: datetime
    status: int
    body: Any


class Stripe(Subscriptions):
    """What it remembers besides the sandbox: idempotency keys for a day, customers, and what its lists show."""

    def __init__(self, inner: httpx.AsyncClient, clock: HasTime) -> None:
        super().__init__()
        self.inner = inner
        self.clock = clock
        self.replies: dict[str, Reply] = {}
        self.intents: list[str] = []
        # With what each was asked for, and when, the newest first.
        self.customers: list[tuple[Any, datetime]] = []
        self.cardholders: list[tuple[Any, datetime]] = []
        self.cards: list[str] = []
        # A search finds what is older than this (stripe.md, Idempotency).
        self.search_lags = timedelta(minutes=1)
        # What is asked for is carried out, and its answer lost on the way.
        self.loses_answers = False
        # Nothing is done, and everything answered by 503.
        self.is_away = False
        # By the ends of their paths, POSTs that are answered by 500 once, which is kept under their keys, and whether
        # they are carried out.
        self.breaks: dict[str, bool] = {}
        # What happens between its reading of an intent and its answer, once.
        self.after_reading: Callable[[], Awaitable[object]] | None = None
        # Requests of these methods are carried out and answered by 500, which is kept under their keys.
        self.silent: set[str] = set()
        # What happens when it has carried out a command.
        self.after_command: Callable[[], object] | None = None
        # Why refunds fail; None where it does not say.
        self.refund_failure: str | None = "expired_or_canceled_card"
        # How its account's own balance, which is short, shows: refunds are "refused", or made and have "failed".
        self.short_of_funds: str | None = None
        self.unpaid_refunds: list[dict[str, Any]] = []
        # Intents that it does not have any more.
        self.lost: set[str] = set()
        # How its issued cards differ from the sandbox's.
        self.odd_card: dict[str, Any] = {}

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await ask(self.inner, method, path, _refused_by_sandbox, **({"json": body} if body is not None else {}))

    # Customers, payment intents, refunds, disputes

    async def create_customer(self, form: Form, key: str) -> Any:
        body = {"name": form.get("name"), "metadata": form.get("metadata", {}), "idempotency_key": key}
        made = await self.ask("POST", "/cards/customers", body)
        self.customers.insert(0, (made, self.clock.now()))
        return made

    async def search_customers(self, form: Form, key: str) -> Any:
        found = [
            one
            for one, at in self.customers
            if form["query"] == f"metadata['userId']:'{one['metadata'].get('userId')}'"
            and at <= self.clock.now() - self.search_lags
        ]
        return {"object": "search_result", "data": found, "has_more": False, "url": "/v1/search"}

    async def list_customers(self, form: Form, key: str) -> Any:
        return page_of(_made_within(self.customers, form), form)

    async def delete_customer(self, form: Form, key: str, customer: str) -> Any:
        self.customers = [one for one in self.customers if one[0]["id"] != customer]
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
        shown = [self._shown(one, form) for one in found if form.get("customer", one["customer"]) == one["customer"]]
        return listed([*self.more.get("payment_intents", []), *shown], form)

    async def read_intent(self, form: Form, key: str, intent: str) -> Any:
        if self.is_of_invoice(intent):
            return await self.bill(intent, form.get("expand", []))
        if intent in self.lost:
            raise refuse(404, "resource_missing", param="intent")
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
        if intent in self.lost:
            raise refuse(404, "resource_missing", param="intent")
        stands = await self.ask("GET", f"/cards/payment_intents/{intent}")
        if stands["status"] == "canceled":
            raise refuse(400, "payment_intent_unexpected_state")
        return self._shown(await self.ask("POST", f"/cards/payment_intents/{intent}/cancel", {}), form)

    async def refund(self, form: Form, key: str) -> Any:
        amount = {"amount": int(form["amount"])} if "amount" in form else {}
        if self.short_of_funds == "refused":
            raise refuse(400, "balance_insufficient", "Insufficient funds in your Stripe account.")
        if self.short_of_funds == "failed":
            if not amount:
                amount = {
                    "amount": (await self.ask("GET", f"/cards/payment_intents/{form['payment_intent']}"))["amount"]
                }
            unpaid = {"id": f"re_unpaid{next(self.numbers)}", "object": "refund", "currency": "nok", **form, **amount}
            self.unpaid_refunds.append({**unpaid, "status": "failed", "failure_reason": "insufficient_funds"})
            return {**unpaid, "status": "pending"}
        made = await self.ask("POST", "/cards/refunds", {**form, **amount, "idempotency_key": key})
        return self.worded("refund", made)

    async def refunds(self, form: Form, key: str) -> Any:
        found = [one for intent in await self._asked(form) for one in self._refunds_of(intent)]
        return listed([*self.more.get("refunds", []), *found], form)

    async def disputes(self, form: Form, key: str) -> Any:
        charges = [intent["latest_charge"] or {"disputes": {"data": []}} for intent in await self._asked(form)]
        found = [self.worded("dispute", one) for charge in charges for one in charge["disputes"]["data"][::-1]]
        asked = form.get("payment_intent")
        more = [one for one in self.more.get("disputes", []) if asked in (None, one.get("payment_intent"))]
        return listed([*more, *found], form)

    async def one_of_list(self, form: Form, key: str, name: str, identifier: str) -> Any:
        return await self.ask("GET", f"/cards/lists/{name}/{identifier}")

    async def _asked(self, form: Form) -> list[dict[str, Any]]:
        """The intent that a list is asked for, or all of them."""
        intents = [form["payment_intent"]] if "payment_intent" in form else self.intents
        return [await self.ask("GET", f"/cards/payment_intents/{intent}") for intent in intents]

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
            shown["refunds"] = page_of(self._refunds_of(intent), {})
        return {**intent, "latest_charge": shown}

    # Issuing

    async def create_cardholder(self, form: Form, key: str) -> Any:
        address = {"postal_code": "", **form["billing"]["address"]}
        if not all(address.get(name) for name in ("line1", "city", "country", "postal_code")):
            raise refuse(400, "parameter_missing", param="billing[address]")
        made = await self.ask("POST", "/issuing/cardholders", {**form, "idempotency_key": key})
        self.cardholders.insert(0, (made, self.clock.now()))
        return made

    async def list_cardholders(self, form: Form, key: str) -> Any:
        return page_of(_made_within(self.cardholders, form), form)

    async def update_cardholder(self, form: Form, key: str, holder: str) -> Any:
        return {"id": holder, "object": "issuing.cardholder", **form}

    async def create_card(self, form: Form, key: str) -> Any:
        if form["type"] == "physical" and not form["shipping"]["address"]["line1"]:
            raise refuse(400, "parameter_missing", param="shipping[address][line1]")
        made = await self.ask("POST", "/issuing/cards", {**form, "idempotency_key": key})
        self.cards.insert(0, made["id"])
        return self.issued(made)

    async def cards_of(self, form: Form, key: str) -> Any:
        found = [self.issued(await self.ask("GET", f"/issuing/cards/{card}")) for card in self.cards]
        return page_of([one for one in found if one["cardholder"] == form["cardholder"]], form)

    async def read_card(self, form: Form, key: str, card: str) -> Any:
        return self.issued(await self.ask("GET", f"/issuing/cards/{card}"))

    async def update_card(self, form: Form, key: str, card: str) -> Any:
        return self.issued(await self.ask("POST", f"/issuing/cards/{card}", {"status": form["status"]}))

    def issued(self, card: Mapping[str, Any]) -> dict[str, Any]:
        """A card as the test wants it to be shown."""
        return {**self.worded("issuing.card", card), **self.odd_card}


Handler = Callable[..., Awaitable[Any]]
# What every list takes.
LIST: Final = ("created", *_PAGED)


def _made_within(found: list[tuple[Any, datetime]], form: Form) -> list[Any]:
    """What was made since the time that is asked for."""
    return [one for one, at in found if at.timestamp() >= int(form["created"]["gte"])]


def app(stripe: Stripe) -> Starlette:
    async def carried_out(request: Request, handler: Handler, form: Form, key: str) -> tuple[int, Any]:
        ends = [end for end in stripe.breaks if request.method == "POST" and request.url.path.endswith(end)]
        if ends and not stripe.breaks[ends[0]]:
            del stripe.breaks[ends[0]]
            return 500, {}
        body = await handler(form, key, **request.path_params)
        return (500 if any([stripe.breaks.pop(end) for end in ends]) else 200), body

    def endpoint(handler: Handler, known: set[str]) -> Endpoint:
        async def answer(request: Request) -> Response:
            if stripe.is_away:
                return JSONResponse({}, status_code=503)
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
            asked, now = (request.method, request.url.path, form), stripe.clock.now()
            earlier = stripe.replies.get(given) if given is not None else None
            if earlier is not None and now - earlier.at < _KEYS_LIVE:
                if earlier.asked != asked:
                    raise refuse(400, "idempotency_key_reused", kind="idempotency_error")
                return JSONResponse(earlier.body, status_code=earlier.status, headers={"idempotent-replayed": "true"})
            # The sandbox behind takes each key that is new here for a new one.
            key = f"{given or 'none'}-{next(stripe.numbers)}"
            try:
                status, body = await carried_out(request, handler, form, key)
            except Refused as refused:
                # Nothing is stored where validation failed before anything was done (stripe.md, Idempotency).
                if refused.status != 402 and refused.body["error"]["code"] != "balance_insufficient":
                    raise
                status, body = refused.status, refused.body
            if request.method != "GET" and stripe.after_command is not None:
                stripe.after_command()
            if request.method in stripe.silent:
                status, body = 500, {}
            if given is not None:
                stripe.replies[given] = Reply(asked, now, status, body)
            if stripe.loses_answers:
                return JSONResponse({}, status_code=504)
            return JSONResponse(body, status_code=status, headers={"request-id": f"req_{next(stripe.numbers)}"})

        return answer

    def route(path: str, method: str, handler: Handler, *known: str) -> Route:
        return Route(f"/v1{path}", endpoint(handler, set(known)), methods=[method])

    return face(
        [
            route("/customers", "POST", stripe.create_customer, "email", "name", "phone", "metadata"),
            route("/customers", "GET", stripe.list_customers, "created", *_PAGED),
            route("/customers/search", "GET", stripe.search_customers, "query", "limit"),
            route("/customers/{customer}", "DELETE", stripe.delete_customer),
            route(
                "/payment_intents",
                "POST",
                stripe.create_intent,
                *("amount", "currency", "customer", "automatic_payment_methods", "description", "metadata"),
            ),
            route("/payment_intents", "GET", stripe.intents_of, "customer", *LIST),
            route("/payment_intents/{intent}", "GET", stripe.read_intent),
            route("/payment_intents/{intent}/confirm", "POST", stripe.confirm, "payment_method", "return_url"),
            route("/payment_intents/{intent}/cancel", "POST", stripe.cancel, "cancellation_reason"),
            route("/refunds", "POST", stripe.refund, "payment_intent", "amount", "reason", "metadata"),
            route("/refunds", "GET", stripe.refunds, "payment_intent", *LIST),
            route("/refunds/{identifier}", "GET", partial(stripe.one_of_list, name="refunds")),
            route("/disputes", "GET", stripe.disputes, "payment_intent", *LIST),
            route("/disputes/{identifier}", "GET", partial(stripe.one_of_list, name="disputes")),
            route("/prices/{price}", "GET", stripe.price),
            route(
                "/subscriptions",
                "POST",
                stripe.subscribe,
                *("customer", "items", "payment_behavior", "payment_settings", "metadata"),
            ),
            route("/subscriptions", "GET", stripe.subscriptions_of, "customer", "status", *LIST),
            route("/subscriptions/{subscription}", "GET", stripe.read_subscription),
            route("/payment_methods/{method}/attach", "POST", stripe.attach, "customer"),
            route(
                "/subscriptions/{subscription}",
                "POST",
                stripe.update_subscription,
                *("cancel_at_period_end", "default_payment_method"),
            ),
            route("/subscriptions/{subscription}", "DELETE", stripe.end_subscription),
            route("/invoices", "GET", stripe.invoices, "subscription", *LIST),
            route("/invoices/{invoice}", "GET", stripe.read_invoice),
            route(
                "/issuing/cardholders",
                "POST",
                stripe.create_cardholder,
                *("type", "name", "email", "phone_number", "billing", "metadata"),
            ),
            route("/issuing/cardholders", "GET", stripe.list_cardholders, "created", *_PAGED),
            route("/issuing/cardholders/{holder}", "POST", stripe.update_cardholder, "email", "phone_number"),
            route(
                "/issuing/cards",
                "POST",
                stripe.create_card,
                *("cardholder", "currency", "type", "status", "shipping", "metadata"),
            ),
            route("/issuing/cards", "GET", stripe.cards_of, "cardholder", *_PAGED),
            route("/issuing/cards/{card}", "GET", stripe.read_card),
            route("/issuing/cards/{card}", "POST", stripe.update_card, "status"),
        ]
    )


def _demand_credentials(request: Request) -> None:
    if request.headers.get("authorization") != f"Bearer {API_KEY}":
        raise refuse(401, "api_key_invalid", "Invalid API Key provided.")
    if request.headers.get("stripe-version") != VERSION:
        raise refuse(400, "version_invalid", "The shapes are those of another version.")
