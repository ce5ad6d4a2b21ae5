"""Stripe: customers, payment intents, refunds, disputes and subscriptions.

Source: docs/vendors/stripe.md, Endpoints, Payment intents, Idempotency.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from stripe.params import PaymentIntentCreateParams, RefundCreateParams

from domain.card_payment import CardForm
from domain.clock import Clock
from domain.errors import InDoubt, NotThere, Unavailable
from domain.ids import AttemptId, UserId
from domain.money import Money
from domain.payment import Payment
from domain.plan import PLANS, Plan
from domain.refund import Refund, RefundFailureCode, RefundStatus
from providers.calling.idempotency import SpentKey
from providers.calling.json_parts import text, within
from providers.calling.vendor_http import VendorRefusal
from providers.card_payments import stripe_signature
from providers.card_payments.port import CardEvent, IntentState, RefundState
from providers.card_payments.stripe_listing import StripeListing
from providers.card_payments.stripe_objects import (
    LACKS_FUNDS,
    charge_of,
    intent_state,
    read_event,
    readable_refund,
    refund_state,
)
from providers.card_payments.stripe_subscriptions import StripeSubscriptions
from providers.setting_types import valid_secrets
from providers.stripe_api import RESILIENCE as RESILIENCE
from providers.stripe_api import STRIPE
from providers.stripe_sdk import Stripe
from providers.stripe_values import id_of

# All are safe to repeat: reads, requests with an idempotency key, and changes that a repeat leaves as they are.
RETRIED: Final = frozenset(
    {
        "create_customer",
        "find_customer",
        "delete_customer",
        "create",
        "confirm",
        "find_intent",
        "retrieve",
        "refunds",
        "disputes",
        "cancel",
        "refund",
        "read_invoice",
        "refund_invoice",
        "create_subscription",
        "confirm_subscription",
        "find_subscription",
        "subscription",
        "subscription_of",
        "invoices",
        "attach",
        "set_payment_method",
        "cancel_subscription",
        "resume_subscription",
        "check",
        "listed",
        "has",
    }
)
# Stripe's clock and ours may differ by this much.
_CLOCKS_DIFFER_S: Final = 300
# How long a search may miss what was made, in the worst case (stripe.md, Idempotency).
_SEARCH_LAGS: Final = timedelta(hours=1)
_NOT_FOUND: Final = 404
_CHARGE: Final = ["latest_charge.refunds"]


class StripeCardPayments(StripeSubscriptions, StripeListing):
    """Customers, payments and, by inheritance, subscriptions at Stripe. `prices` are Stripe's price ids by our plan id.

    `webhook_secret` verifies Stripe's webhooks, and `publishable_key` is what Stripe.js is loaded with.
    """

    def __init__(
        self,
        stripe: Stripe,
        *,
        webhook_secret: str,
        previous_webhook_secret: str | None = None,
        prices: Mapping[str, str],
        clock: Clock,
        publishable_key: str | None = None,
    ) -> None:
        super().__init__(stripe, prices=prices, clock=clock)
        self._secrets = valid_secrets(webhook_secret, previous_webhook_secret)
        self._publishable_key = publishable_key

    def form(self, reference: str, client_secret: str) -> CardForm:
        return CardForm(STRIPE, self._publishable_key, client_secret, None)

    async def check(self) -> None:
        """Check that Stripe accepts our key and has the price of every plan. Raises Unavailable."""
        for plan in PLANS.values():
            if await self._price(self._prices[plan.id]) != _price_of(plan):
                raise Unavailable("card_payments", f"the price of {plan.id} at Stripe is not what Drop asks for it")

    async def create_customer(self, user_id: UserId, name: str, registered_at: datetime) -> str:
        try:
            return await self._once(
                user_id,
                registered_at,
                lambda key: self._stripe.call(
                    "create_customer",
                    lambda: self._api.customers.create_async(
                        {"name": name, "metadata": {"userId": user_id}}, {"idempotency_key": key}
                    ),
                    id_of,
                ),
                lambda: self._known_customer(user_id),
            )
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal
        except InDoubt as error:
            raise Unavailable("card_payments", "the customer could not be made") from error

    async def delete_customer(self, reference: str) -> None:
        try:
            await self._stripe.call("delete_customer", lambda: self._api.customers.delete_async(reference), id_of)
        except VendorRefusal as refusal:
            if refusal.status != _NOT_FOUND:
                raise self._stripe.refused(refusal) from refusal

    async def create(self, payment: Payment, customer: str) -> IntentState:
        params: PaymentIntentCreateParams = {
            "amount": payment.amount.amount_minor,
            "currency": payment.amount.currency.lower(),
            "customer": customer,
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"orderId": payment.id, "userId": payment.user_id},
        }
        if payment.message:
            params["description"] = payment.message
        return await self._made(
            payment,
            lambda key: self._stripe.command(
                "create",
                lambda: self._api.payment_intents.create_async(params, {"idempotency_key": key}),
                intent_state,
            ),
            lambda: self._known_intent(payment, customer),
        )

    async def confirm(self, reference: str, payment_method: str, attempt: AttemptId, return_url: str) -> IntentState:
        try:
            return await self._confirm("confirm", reference, payment_method, attempt, return_url)
        except VendorRefusal as refusal:
            message = "The card vendor cannot charge this payment now."
            raise self._stripe.not_taken(refusal, message, text="CARD_NOT_CHARGEABLE") from refusal

    async def retrieve(self, reference: str) -> IntentState:
        try:
            state, charge = await self._stripe.call(
                "retrieve",
                lambda: self._api.payment_intents.retrieve_async(reference, {"expand": _CHARGE}),
                lambda intent: (intent_state(intent), charge_of(intent)),
            )
            if within(charge, "refunds", "has_more"):
                state = replace(state, refunds=await self._refunds(reference, readable_refund))
            if charge.get("disputed"):
                state = replace(state, disputes=await self._disputes(reference))
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal
        return state

    async def cancel(self, reference: str) -> IntentState:
        # Without an idempotency key: with one, Stripe would replay the error of a failed cancellation.
        try:
            return await self._stripe.command(
                "cancel", lambda: self._api.payment_intents.cancel_async(reference), intent_state
            )
        except VendorRefusal as refusal:
            error = self._stripe.not_taken(refusal, "The payment has ended.")
            if isinstance(error, Unavailable):
                raise error from refusal
        try:
            return await self.retrieve(reference)
        except NotThere:
            raise
        except Unavailable as error:
            # An earlier try, whose answer was lost, may have cancelled it.
            raise InDoubt("card_payments: the payment was not cancelled now, and could not be read") from error

    async def refund(self, reference: str, refund: Refund) -> RefundState:
        params: RefundCreateParams = {
            "payment_intent": reference,
            "amount": refund.amount.amount_minor,
            "metadata": {"refundId": refund.id, "orderId": refund.payment_id},
        }
        lacking = await self._lacking_funds(reference, refund)

        try:
            return await self._once(
                f"{refund.id}:{lacking}" if lacking else refund.id,
                refund.created_at,
                lambda key: self._refunded("refund", params, key),
                lambda: self._known_refund(reference, refund),
            )
        except VendorRefusal as refusal:
            error = self._stripe.not_taken(refusal, "The card vendor did not take the refund.")
            if isinstance(error, Unavailable):
                raise error from refusal
            refused, lacks_funds = RefundFailureCode.NOT_ACCEPTED, refusal.answer.get("code") in LACKS_FUNDS
            return RefundState(None, refund.id, refund.amount, RefundStatus.FAILED, refused, lacks_funds)

    async def refund_invoice(self, invoice: str) -> RefundState:
        try:
            payment = await self._stripe.call(
                "read_invoice",
                lambda: self._api.invoices.retrieve_async(invoice),
                lambda found: text(found.get("payment_intent")),
            )
            if payment is None:  # it was paid by other means than a card: there is no charge to give back
                return RefundState(None, None, Money(0), RefundStatus.FAILED, RefundFailureCode.NOT_ACCEPTED)
            # An earlier try that lacked funds has spent its key, and one that was pending may have ended by now.
            made = {one.reference: one for one in await self._refunds(payment)}
            lacking = sum(one.lacks_funds for one in made.values())
            params: RefundCreateParams = {"payment_intent": payment, "metadata": {"invoice": invoice}}
            name = f"{invoice}:refund"
            state = await self._again(
                f"{name}:{lacking}" if lacking else name,
                lambda key: self._refunded("refund_invoice", params, key),
            )
            return made.get(state.reference, state)
        except VendorRefusal as refusal:
            error = self._stripe.not_taken(refusal, "The card vendor did not take the refund.")
            if isinstance(error, Unavailable):
                raise error from refusal
            # Its key has lapsed: an earlier request gave it back.
            is_done = refusal.answer.get("code") == "charge_already_refunded"
            status = RefundStatus.SUCCEEDED if is_done else RefundStatus.FAILED
            failure, lacks_funds = RefundFailureCode.NOT_ACCEPTED, refusal.answer.get("code") in LACKS_FUNDS
            return RefundState(None, None, Money(0), status, None if is_done else failure, lacks_funds)

    async def _refunded(self, operation: str, params: RefundCreateParams, key: str) -> RefundState:
        """Raises SpentKey where Stripe repeats that funds lacked: the balance may have been filled since."""
        try:
            return await self._stripe.command(
                operation, lambda: self._api.refunds.create_async(params, {"idempotency_key": key}), refund_state
            )
        except VendorRefusal as refusal:
            if refusal.is_replayed and refusal.answer.get("code") in LACKS_FUNDS:
                raise SpentKey from refusal
            raise

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> CardEvent:
        stripe_signature.verify(raw, headers.get(stripe_signature.HEADER), self._secrets, self._clock.now())
        return read_event(raw)

    def read_webhook(self, raw: bytes) -> CardEvent:
        return read_event(raw)

    async def _price(self, price: str) -> tuple[object, ...]:
        try:
            return await self._stripe.call("check", lambda: self._api.prices.retrieve_async(price), _price)
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal

    async def _known_customer(self, user_id: UserId) -> str | None:
        """The customer that an earlier request made. A search does not find the newest ones, a list does."""
        query = f"metadata['userId']:'{user_id}'"
        found = await self._stripe.call(
            "find_customer",
            lambda: self._api.customers.search_async({"query": query, "limit": 1}),
            lambda page: [*map(id_of, page["data"])],
        )
        if not found:
            since = {"gte": int((self._clock.now() - _SEARCH_LAGS).timestamp())}
            found = await self._stripe.every(
                "find_customer",
                self._api.customers.list_async,
                {"created": since},
                lambda item: id_of(item) if within(item, "metadata", "userId") == user_id else None,
            )
        return next(iter(found), None)

    async def _known_intent(self, payment: Payment, customer: str) -> IntentState | None:
        """The intent that an earlier request made. A repeat without its key would make a second intent."""
        since = {"gte": int(payment.created_at.timestamp()) - _CLOCKS_DIFFER_S}
        found = await self._stripe.every(
            "find_intent",
            self._api.payment_intents.list_async,
            {"customer": customer, "created": since},
            lambda item: intent_state(item) if within(item, "metadata", "orderId") == payment.id else None,
        )
        return next(iter(found), None)

    async def _known_refund(self, reference: str, refund: Refund) -> RefundState | None:
        """The refund that an earlier request made, other than those that lacked funds."""
        made = await self._refunds(reference)
        return next((one for one in made if one.refund_id == refund.id and not one.lacks_funds), None)

    async def _lacking_funds(self, reference: str, refund: Refund) -> int:
        """How many earlier tries were made and lacked funds: their key would give the answer to the making again."""
        if refund.updated_at == refund.created_at:
            return 0
        return sum(one.refund_id == refund.id and one.lacks_funds for one in await self._refunds(reference))

    async def _refunds(
        self, reference: str, read: Callable[[Mapping[str, Any]], RefundState | None] = refund_state
    ) -> list[RefundState]:
        """All refunds of a payment. By default an unreadable one fails: it may be what is about to be made again."""
        return await self._stripe.every("refunds", self._api.refunds.list_async, {"payment_intent": reference}, read)


def _price(answer: Mapping[str, Any]) -> tuple[object, ...]:
    return answer["unit_amount"], answer["currency"], answer["recurring"]["interval"], answer["active"]


def _price_of(plan: Plan) -> tuple[object, ...]:
    return plan.price.amount_minor, plan.price.currency.lower(), plan.interval.lower(), True
