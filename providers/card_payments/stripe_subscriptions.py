"""Stripe's subscriptions, and what they share with its payments.

Source: docs/vendors/stripe.md, Endpoints, Subscriptions and invoices, Idempotency.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar

from stripe.params import SubscriptionCreateParams

from domain.clock import Clock
from domain.errors import InDoubt, InvalidState, Unavailable
from domain.ids import PlanSubscriptionId
from domain.payment import Payment, Status
from domain.plan import Plan, PlanPayment, PlanSubscription
from providers.calling.idempotency import send_once
from providers.calling.json_parts import text, within
from providers.calling.vendor_http import VendorRefusal
from providers.card_payments.port import CardEvent, DisputeState, IntentState, InvoiceState, SubscriptionState
from providers.card_payments.stripe_objects import (
    failure_of,
    intent_state,
    readable_dispute,
    readable_invoice,
    subscription_state,
)
from providers.stripe_sdk import Stripe
from providers.stripe_values import id_of

Result = TypeVar("Result")

_FIRST_PAYMENT: Final = ["latest_invoice.payment_intent"]
_DECLINED: Final = 402
_NOT_FOUND: Final = 404
_OVERDUE: Final = frozenset({"past_due", "unpaid"})
_UNKNOWN_METHOD: Final = "The card vendor does not know this payment method."


async def _nothing() -> None:
    return None


class StripeSubscriptions:
    """Plan subscriptions at Stripe. `prices` are Stripe's price ids by our plan id."""

    def __init__(self, stripe: Stripe, *, prices: Mapping[str, str], clock: Clock) -> None:
        self._stripe = stripe
        self._api = stripe.api
        self._prices = prices
        self._clock = clock

    async def create_subscription(
        self, subscription: PlanSubscription, plan: Plan, customer: str, payment_method: str, return_url: str
    ) -> SubscriptionState:
        # Incomplete at first: we confirm the first payment ourselves, because only that request takes a return address.
        params: SubscriptionCreateParams = {
            "customer": customer,
            "items": [{"price": self._prices[plan.id]}],
            "payment_behavior": "default_incomplete",
            "payment_settings": {"save_default_payment_method": "on_subscription"},
            "metadata": {"planSubscriptionId": subscription.id, "userId": subscription.user_id},
            "expand": _FIRST_PAYMENT,
        }
        reference, intent = await self._made(
            subscription,
            lambda key: self._stripe.command(
                "create_subscription",
                lambda: self._api.subscriptions.create_async(params, {"idempotency_key": key}),
                _first_payment,
            ),
            lambda: self._known_subscription(subscription, customer, _first_payment),
        )
        try:
            await self._first_charge(subscription, reference, intent, payment_method, return_url)
        except Unavailable as error:
            # The subscription exists, and may be paid: a caller that took this for "nothing was made" would end it.
            raise InDoubt("card_payments: the subscription was made and not paid") from error
        return await self._read_after_command(reference)

    async def subscription(self, reference: str) -> SubscriptionState:
        try:
            state = await self._stripe.call(
                "subscription",
                lambda: self._api.subscriptions.retrieve_async(reference, {"expand": _FIRST_PAYMENT}),
                subscription_state,
            )
            return replace(state, invoices=await self._invoices(reference))
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal

    async def find_subscription(self, subscription: PlanSubscription, customer: str) -> SubscriptionState | None:
        try:
            known = await self._known_subscription(subscription, customer, lambda item: str(item["id"]))
        except VendorRefusal as refusal:
            if refusal.answer.get("code") == "resource_missing":
                return None  # a customer that was deleted has no subscription any more
            raise self._stripe.refused(refusal) from refusal
        return await self.subscription(known) if known is not None else None

    async def subscription_of(self, event: CardEvent) -> str | None:
        try:
            if event.invoice_reference is not None:
                invoice = event.invoice_reference
                return await self._stripe.call(
                    "subscription_of", lambda: self._api.invoices.retrieve_async(invoice), _subscription_of
                )
            if event.payment_reference is not None:
                payment = event.payment_reference
                return await self._stripe.call(
                    "subscription_of",
                    lambda: self._api.payment_intents.retrieve_async(payment, {"expand": ["invoice"]}),
                    lambda intent: _subscription_of(intent.get("invoice") or {}),
                )
        except VendorRefusal as refusal:
            if refusal.status != _NOT_FOUND:
                raise self._stripe.refused(refusal) from refusal
        return None

    async def cancel_subscription(self, reference: str, *, at_period_end: bool) -> SubscriptionState:
        if at_period_end:
            return await self._set_ending("cancel_subscription", reference, is_ending=True)
        await self._end(reference)
        return await self._read_after_command(reference)

    async def change_payment_method(
        self, reference: str, customer: str, our_id: PlanSubscriptionId, payment: PlanPayment
    ) -> SubscriptionState:
        key = f"{our_id}:{payment.state_hash[:20]}"
        try:
            method = await self._again(
                f"{key}:attach",
                lambda key: self._stripe.command(
                    "attach",
                    lambda: self._api.payment_methods.attach_async(
                        payment.payment_method, {"customer": customer}, {"idempotency_key": key}
                    ),
                    id_of,
                ),
            )
            bill = await self._again(
                f"{key}:default",
                lambda key: self._stripe.command(
                    "set_payment_method",
                    lambda: self._api.subscriptions.update_async(
                        reference,
                        {"default_payment_method": method, "expand": _FIRST_PAYMENT},
                        {"idempotency_key": key},
                    ),
                    _open_bill,
                ),
            )
            if bill is not None:
                # Stripe would charge it some day by itself; only this request gives a page that leads back.
                with _paid_meanwhile():
                    await self._confirm("confirm_subscription", bill, method, f"{key}:pay", payment.return_url)
        except VendorRefusal as refusal:
            if refusal.status == _DECLINED:
                message = f"The payment method was declined: {failure_of(refusal.answer).code}."
                raise self._stripe.not_taken(refusal, message, text="METHOD_DECLINED") from refusal
            raise self._stripe.not_taken(refusal, _UNKNOWN_METHOD) from refusal
        return await self._read_after_command(reference)

    async def resume_subscription(self, reference: str) -> SubscriptionState:
        return await self._set_ending("resume_subscription", reference, is_ending=False)

    async def _confirm(
        self, operation: str, reference: str, payment_method: str, key: str, return_url: str
    ) -> IntentState:
        """Confirm a payment. A declined card is an answer: its error carries the payment intent (stripe.md, Errors).

        Raises VendorRefusal for other refusals.
        """
        return await self._again(
            key,
            lambda key: self._stripe.command(
                operation,
                lambda: self._api.payment_intents.confirm_async(
                    reference,
                    {"payment_method": payment_method, "return_url": return_url},
                    {"idempotency_key": key},
                ),
                intent_state,
                declined=lambda error: intent_state(error["payment_intent"]),
            ),
            lambda: self._confirmed(reference),
        )

    async def _confirmed(self, reference: str) -> IntentState | None:
        """The payment as an earlier request has confirmed it; None where it still waits for a card."""
        state = await self._stripe.call(
            "retrieve", lambda: self._api.payment_intents.retrieve_async(reference), intent_state
        )
        waits = state.status is Status.AUTHORISATION_REQUIRED and state.authorisation_url is None
        return None if waits else state

    async def _first_charge(
        self, subscription: PlanSubscription, reference: str, intent: str, payment_method: str, return_url: str
    ) -> None:
        try:
            with _paid_meanwhile():
                key = f"{subscription.id}:first"
                await self._confirm("confirm_subscription", intent, payment_method, key, return_url)
        except VendorRefusal as refusal:
            error = self._stripe.not_taken(refusal, _UNKNOWN_METHOD)
            if isinstance(error, InvalidState):
                with suppress(Unavailable, InDoubt):  # an unpaid subscription ends by itself after a day
                    await self._end(reference)
            raise error from refusal

    async def _known_subscription(
        self, subscription: PlanSubscription, customer: str, read: Callable[[Mapping[str, Any]], Result]
    ) -> Result | None:
        """What is read of the subscription that an earlier request made."""

        def ours(item: dict[str, Any]) -> Result | None:
            return read(item) if within(item, "metadata", "planSubscriptionId") == subscription.id else None

        expanded = [f"data.{path}" for path in _FIRST_PAYMENT]
        found = await self._stripe.every(
            "find_subscription",
            self._api.subscriptions.list_async,
            {"customer": customer, "status": "all", "expand": expanded},
            ours,
        )
        return next(iter(found), None)

    async def _end(self, reference: str) -> None:
        with self._ended_before():
            await self._stripe.command(
                "cancel_subscription", lambda: self._api.subscriptions.cancel_async(reference), id_of
            )

    async def _set_ending(self, operation: str, reference: str, *, is_ending: bool) -> SubscriptionState:
        with self._ended_before():
            await self._stripe.command(
                operation,
                lambda: self._api.subscriptions.update_async(reference, {"cancel_at_period_end": is_ending}),
                id_of,
            )
        return await self._read_after_command(reference)

    async def _read_after_command(self, reference: str) -> SubscriptionState:
        """What a command has made of a subscription. A read that fails, or is not sent, says nothing: InDoubt."""
        try:
            return await self.subscription(reference)
        except Unavailable as error:
            raise InDoubt("card_payments: the subscription was changed and could not be read") from error

    @contextmanager
    def _ended_before(self) -> Iterator[None]:
        """A subscription that has ended is not changed any more: its present state is the answer."""
        try:
            yield
        except VendorRefusal as refusal:
            error = self._stripe.not_taken(refusal, "The subscription has ended.")
            if isinstance(error, Unavailable):
                raise error from refusal

    async def _invoices(self, reference: str) -> list[InvoiceState]:
        params = {"subscription": reference, "expand": ["data.charge"]}
        found = await self._stripe.every("invoices", self._api.invoices.list_async, params, _with_disputed_intent)
        return [
            replace(invoice, disputes=await self._disputes(intent)) if intent is not None else invoice
            for invoice, intent in found
        ]

    async def _disputes(self, reference: str) -> list[DisputeState]:
        """All disputes of a payment."""
        params = {"payment_intent": reference}
        return await self._stripe.every("disputes", self._api.disputes.list_async, params, readable_dispute)

    async def _made(
        self,
        ours: Payment | PlanSubscription,
        create: Callable[[str], Awaitable[Result]],
        find: Callable[[], Awaitable[Result | None]],
    ) -> Result:
        """What is made for an object of ours, once. No user can mend a refusal. Raises Unavailable, InDoubt."""
        try:
            return await self._once(ours.id, ours.created_at, create, find)
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal

    async def _once(
        self,
        name: str,
        first_sent_at: datetime,
        send: Callable[[str], Awaitable[Result]],
        find: Callable[[], Awaitable[Result | None]],
    ) -> Result:
        now = self._clock.now()
        return await send_once(name, first_sent_at=first_sent_at, now=now, send=send, find=find)

    async def _again(
        self,
        name: str,
        send: Callable[[str], Awaitable[Result]],
        find: Callable[[], Awaitable[Result | None]] = _nothing,
    ) -> Result:
        """Send a command that Stripe carries out once even under several keys."""
        return await self._once(name, self._clock.now(), send, find)


@contextmanager
def _paid_meanwhile() -> Iterator[None]:
    """A bill that was paid by an earlier request, or by Stripe itself, is paid."""
    try:
        yield
    except VendorRefusal as refusal:
        if refusal.answer.get("code") != "payment_intent_unexpected_state":
            raise


def _subscription_of(invoice: Mapping[str, Any]) -> str | None:
    """The subscription of an invoice, None for one that was written by hand."""
    return invoice.get("subscription")


def _with_disputed_intent(invoice: Mapping[str, Any]) -> tuple[InvoiceState, str | None] | None:
    """An invoice, and its payment intent if its charge is disputed. `charge` must be expanded."""
    state = readable_invoice(invoice)
    if state is None:
        return None
    return state, text(invoice.get("payment_intent")) if within(invoice, "charge", "disputed") is True else None


def _first_payment(subscription: Mapping[str, Any]) -> tuple[str, str]:
    """The ids of a subscription and of its first payment intent. `latest_invoice.payment_intent` must be expanded."""
    return subscription["id"], subscription["latest_invoice"]["payment_intent"]["id"]


def _open_bill(subscription: Mapping[str, Any]) -> str | None:
    """The payment intent of the newest invoice, if that is not paid."""
    invoice = subscription["latest_invoice"]
    is_open = subscription["status"] in _OVERDUE and invoice["status"] == "open"
    return str(invoice["payment_intent"]["id"]) if is_open else None
