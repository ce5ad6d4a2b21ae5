"""Stripe: customers, payment intents, refunds, disputes and subscriptions.

Source: docs/vendors/stripe.md, Endpoints, Payment intents, Idempotency.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from stripe.params import PaymentIntentCreateParams, PaymentIntentListParams, RefundCreateParams

from domain.card_payment import CardForm
from domain.clock import Clock
from domain.errors import InDoubt, Unavailable
from domain.ids import AttemptId, UserId
from domain.money import Money
from domain.payment import Payment
from domain.plan import PLANS, Plan
from domain.refund import Refund, RefundFailureCode, RefundStatus
from providers.calling.vendor_http import VendorRefusal
from providers.card_payments import stripe_signature
from providers.card_payments.port import CardEvent, DisputeState, IntentState, RefundState
from providers.card_payments.stripe_objects import (
    LACKS_FUNDS,
    charge_of,
    dispute_state,
    intent_state,
    read_event,
    refund_state,
)
from providers.card_payments.stripe_subscriptions import PAGE, StripeSubscriptions, id_of
from providers.stripe_api import RESILIENCE as RESILIENCE
from providers.stripe_api import STRIPE
from providers.stripe_sdk import Stripe

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
    }
)
# Stripe's clock and ours may differ by this much.
_CLOCKS_DIFFER_S: Final = 300
_NOT_FOUND: Final = 404
_CHARGE: Final = ["latest_charge.refunds"]


class StripeCardPayments(StripeSubscriptions):
    """Customers, payments and, by inheritance, subscriptions at Stripe. `prices` are Stripe's price ids by our plan id.

    `webhook_secret` verifies Stripe's webhooks, and `publishable_key` is what Stripe.js is loaded with.
    """

    def __init__(
        self,
        stripe: Stripe,
        *,
        webhook_secret: str,
        prices: Mapping[str, str],
        clock: Clock,
        publishable_key: str | None = None,
    ) -> None:
        super().__init__(stripe, prices=prices, clock=clock)
        self._secret = webhook_secret
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
            if self._is_old(registered_at):
                known = await self._known_customer(user_id)
                if known is not None:
                    return known
            return await self._stripe.call(
                "create_customer",
                lambda: self._api.customers.create_async(
                    {"name": name, "metadata": {"userId": user_id}}, {"idempotency_key": user_id}
                ),
                id_of,
            )
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal

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
        try:
            if self._is_old(payment.created_at):
                known = await self._known_intent(payment, customer)
                if known is not None:
                    return known
            return await self._stripe.command(
                "create",
                lambda: self._api.payment_intents.create_async(params, {"idempotency_key": payment.id}),
                intent_state,
            )
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal

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
            if (charge.get("refunds") or {}).get("has_more"):
                state = replace(state, refunds=await self._refunds(reference))
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
        except Unavailable as error:
            # An earlier try, whose answer was lost, may have cancelled it.
            raise InDoubt("card_payments: the payment was not cancelled now, and could not be read") from error

    async def refund(self, reference: str, refund: Refund) -> RefundState:
        params: RefundCreateParams = {
            "payment_intent": reference,
            "amount": refund.amount.amount_minor,
            "metadata": {"refundId": refund.id, "orderId": refund.payment_id},
        }
        key: str = refund.id
        try:
            # After a try that lacked funds, its key would give that try's answer again.
            if self._is_old(refund.created_at) or refund.updated_at != refund.created_at:
                tries = [known for known in await self._refunds(reference) if known.refund_id == refund.id]
                for known in tries:
                    if not known.lacks_funds:
                        return known
                key = f"{refund.id}:{len(tries)}" if tries else key
            return await self._stripe.command(
                "refund", lambda: self._api.refunds.create_async(params, {"idempotency_key": key}), refund_state
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
                lambda found: found["payment_intent"],
            )
            params: RefundCreateParams = {"payment_intent": payment, "metadata": {"invoice": invoice}}
            return await self._stripe.command(
                "refund_invoice",
                lambda: self._api.refunds.create_async(params, {"idempotency_key": f"{invoice}:refund"}),
                refund_state,
            )
        except VendorRefusal as refusal:
            error = self._stripe.not_taken(refusal, "The card vendor did not take the refund.")
            if isinstance(error, Unavailable):
                raise error from refusal
            # Its key has lapsed: an earlier request gave it back.
            is_done = refusal.answer.get("code") == "charge_already_refunded"
            status = RefundStatus.SUCCEEDED if is_done else RefundStatus.FAILED
            return RefundState(None, None, Money(0), status, None if is_done else RefundFailureCode.NOT_ACCEPTED)

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> CardEvent:
        stripe_signature.verify(raw, headers.get(stripe_signature.HEADER), self._secret, self._clock.now())
        return read_event(raw)

    def read_webhook(self, raw: bytes) -> CardEvent:
        return read_event(raw)

    async def _price(self, price: str) -> tuple[object, ...]:
        try:
            return await self._stripe.call("check", lambda: self._api.prices.retrieve_async(price), _price)
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal

    async def _known_customer(self, user_id: UserId) -> str | None:
        """The customer that an earlier request made. A search finds what is a minute old, which this is by far."""
        query = f"metadata['userId']:'{user_id}'"
        return await self._stripe.call(
            "find_customer",
            lambda: self._api.customers.search_async({"query": query, "limit": 1}),
            lambda page: next(map(id_of, page["data"]), None),
        )

    async def _known_intent(self, payment: Payment, customer: str) -> IntentState | None:
        """The intent that an earlier request made. A repeat without its key would make a second intent."""

        def ours(page: dict[str, Any]) -> IntentState | None:
            found = (item for item in page["data"] if item["metadata"].get("orderId") == payment.id)
            return next(map(intent_state, found), None)

        params: PaymentIntentListParams = {
            "customer": customer,
            "created": {"gte": int(payment.created_at.timestamp()) - _CLOCKS_DIFFER_S},
            "limit": PAGE,
        }
        return await self._stripe.call("find_intent", lambda: self._api.payment_intents.list_async(params), ours)

    async def _refunds(self, reference: str) -> list[RefundState]:
        return await self._stripe.call(
            "refunds",
            lambda: self._api.refunds.list_async({"payment_intent": reference, "limit": PAGE}),
            lambda page: [refund_state(refund) for refund in page["data"]],
        )

    async def _disputes(self, reference: str) -> list[DisputeState]:
        return await self._stripe.call(
            "disputes",
            lambda: self._api.disputes.list_async({"payment_intent": reference, "limit": PAGE}),
            lambda page: [dispute_state(dispute) for dispute in page["data"]],
        )


def _price(answer: Mapping[str, Any]) -> tuple[object, ...]:
    return answer["unit_amount"], answer["currency"], answer["recurring"]["interval"], answer["active"]


def _price_of(plan: Plan) -> tuple[object, ...]:
    return plan.price.amount_minor, plan.price.currency.lower(), plan.interval.lower(), True
