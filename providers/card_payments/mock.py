"""The sandbox's card vendor, which answers and signs as Stripe does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from domain.card_payment import CardForm
from domain.clock import Clock
from domain.errors import InDoubt, InvalidState, Unavailable
from domain.ids import AttemptId, PlanSubscriptionId, UserId
from domain.money import Money
from domain.payment import Payment
from domain.plan import Plan, PlanPayment, PlanSubscription
from domain.reconciliation import ObjectKind
from domain.refund import Refund, RefundFailureCode, RefundStatus
from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.card_payments import stripe_signature
from providers.card_payments.port import CardEvent, IntentState, ListedPage, RefundState, SubscriptionState
from providers.card_payments.stripe_lists import NAMES, epoch, page_of
from providers.card_payments.stripe_objects import (
    failure_of,
    intent_state,
    invoice_states,
    read_event,
    refund_state,
    subscription_state,
)
from providers.declaration import MOCK, Tools, Vendor
from providers.setting_types import secret_of, valid_secrets
from providers.stripe_api import STRIPE, StripeSettings

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(0.5, 1))
# All are safe to repeat: reads, and requests that the vendor recognises by their idempotency key.
RETRIED: Final = frozenset(
    {
        "create_customer",
        "delete_customer",
        "create",
        "confirm",
        "retrieve",
        "cancel",
        "refund",
        "refund_invoice",
        "create_subscription",
        "subscription",
        "subscription_of",
        "change_payment_method",
        "cancel_subscription",
        "resume_subscription",
        "find",
        "listed",
        "has",
    }
)
_DECLINED: Final = 402


class MockCardPayments:
    """Card payments and plan subscriptions at the sandbox. `webhook_secret` verifies its webhooks."""

    def __init__(
        self,
        sandbox: SandboxClient,
        *,
        webhook_secret: str,
        clock: Clock,
        previous_webhook_secret: str | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._secrets = valid_secrets(webhook_secret, previous_webhook_secret)
        self._clock = clock

    async def create_customer(self, user_id: UserId, name: str, registered_at: datetime) -> str:
        body = {"name": name, "metadata": {"userId": user_id}}
        try:
            made = await self._make_once(
                "create_customer", "customer", "/cards/customers", body, by="userId", first_sent_at=registered_at
            )
        except InDoubt as error:
            raise Unavailable("card_payments", "the customer could not be made") from error
        return str(made["id"])

    def form(self, reference: str, client_secret: str) -> CardForm:
        return CardForm(MOCK, None, client_secret, f"/sandbox/cards/pay/{reference}")

    async def delete_customer(self, reference: str) -> None:
        await self._sandbox.delete("delete_customer", f"/cards/customers/{reference}")

    async def create(self, payment: Payment, customer: str) -> IntentState:
        body = {
            "amount": payment.amount.amount_minor,
            "currency": payment.amount.currency.lower(),
            "customer": customer,
            "description": payment.message,
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"orderId": payment.id, "userId": payment.user_id},
        }
        return intent_state(
            await self._make_once(
                "create", "intent", "/cards/payment_intents", body, by="orderId", first_sent_at=payment.created_at
            )
        )

    async def confirm(self, reference: str, payment_method: str, attempt: AttemptId, return_url: str) -> IntentState:
        body = {"payment_method": payment_method, "return_url": return_url, "idempotency_key": attempt}
        path = f"/cards/payment_intents/{reference}/confirm"
        try:
            return intent_state(await self._sandbox.command("confirm", path, body))
        except SandboxRefusal as refusal:
            if refusal.status == _DECLINED:
                return intent_state(refusal.answer["payment_intent"])
            message = "The card vendor cannot charge this payment now."
            raise InvalidState(message, text="CARD_NOT_CHARGEABLE") from refusal

    async def retrieve(self, reference: str) -> IntentState:
        return intent_state(await self._read(reference))

    async def cancel(self, reference: str) -> IntentState:
        try:
            return intent_state(await self._sandbox.command("cancel", f"/cards/payment_intents/{reference}/cancel", {}))
        except SandboxRefusal:
            with _in_doubt():
                return intent_state(await self._read(reference))

    async def refund(self, reference: str, refund: Refund) -> RefundState:
        body = {
            "payment_intent": reference,
            "amount": refund.amount.amount_minor,
            "metadata": {"refundId": refund.id, "orderId": refund.payment_id},
        }
        try:
            return refund_state(
                await self._make_once(
                    "refund", "refund", "/cards/refunds", body, by="refundId", first_sent_at=refund.created_at
                )
            )
        except SandboxRefusal:
            return RefundState(None, refund.id, refund.amount, RefundStatus.FAILED, RefundFailureCode.NOT_ACCEPTED)

    async def refund_invoice(self, invoice: str) -> RefundState:
        body = {"payment_intent": f"pi_{invoice}", "metadata": {"invoice": invoice}, "idempotency_key": invoice}
        try:
            return refund_state(await self._sandbox.command("refund_invoice", "/cards/refunds", body))
        except SandboxRefusal:
            return RefundState(None, None, Money(0), RefundStatus.FAILED, RefundFailureCode.NOT_ACCEPTED)

    async def create_subscription(
        self, subscription: PlanSubscription, plan: Plan, customer: str, payment_method: str, return_url: str
    ) -> SubscriptionState:
        body = {
            "customer": customer,
            "payment_method": payment_method,
            "return_url": return_url,
            "price_data": {
                "product": plan.id,
                "unit_amount": plan.price.amount_minor,
                "currency": plan.price.currency.lower(),
                "interval": plan.interval.lower(),
            },
            "metadata": {"planSubscriptionId": subscription.id, "userId": subscription.user_id},
        }
        try:
            answer = await self._make_once(
                "create_subscription",
                "subscription",
                "/cards/subscriptions",
                body,
                by="planSubscriptionId",
                first_sent_at=subscription.created_at,
            )
        except SandboxRefusal as refusal:
            raise InvalidState("The card vendor does not know this payment method.") from refusal
        with _in_doubt():
            return await self.subscription(answer["id"])

    async def subscription(self, reference: str) -> SubscriptionState:
        return _subscription_state(await self._sandbox.get("subscription", f"/cards/subscriptions/{reference}"))

    async def find_subscription(self, subscription: PlanSubscription, customer: str) -> SubscriptionState | None:
        asked = {"name": "planSubscriptionId", "value": subscription.id}
        found = (await self._sandbox.get("find", "/cards/search/subscription", **asked))["data"]
        return await self.subscription(found[0]["id"]) if found else None

    async def subscription_of(self, event: CardEvent) -> str | None:
        try:
            invoice = event.invoice_reference
            if invoice is None and event.payment_reference is not None:
                path = f"/cards/payment_intents/{event.payment_reference}"
                invoice = (await self._sandbox.get("subscription_of", path)).get("invoice")
            if invoice is None:
                return None
            return str((await self._sandbox.get("subscription_of", f"/cards/invoices/{invoice}"))["subscription"])
        except SandboxRefusal:
            return None

    async def cancel_subscription(self, reference: str, *, at_period_end: bool) -> SubscriptionState:
        path = f"/cards/subscriptions/{reference}"
        try:
            if at_period_end:
                body = {"cancel_at_period_end": True}
                return _subscription_state(await self._sandbox.command("cancel_subscription", path, body))
            return _subscription_state(await self._sandbox.command("cancel_subscription", path, method="DELETE"))
        except SandboxRefusal:
            with _in_doubt():
                return await self.subscription(reference)

    async def change_payment_method(
        self, reference: str, customer: str, our_id: PlanSubscriptionId, payment: PlanPayment
    ) -> SubscriptionState:
        body = {
            "payment_method": payment.payment_method,
            "return_url": payment.return_url,
            "idempotency_key": payment.state_hash,
        }
        path = f"/cards/subscriptions/{reference}/pay"
        try:
            return _subscription_state(await self._sandbox.command("change_payment_method", path, body))
        except SandboxRefusal as refusal:
            if refusal.status == _DECLINED:
                message = f"The payment method was declined: {failure_of(refusal.answer).code}."
                raise InvalidState(message, text="METHOD_DECLINED") from refusal
            raise InvalidState("The vendor does not know this method.") from refusal

    async def resume_subscription(self, reference: str) -> SubscriptionState:
        path, body = f"/cards/subscriptions/{reference}", {"cancel_at_period_end": False}
        try:
            return _subscription_state(await self._sandbox.command("resume_subscription", path, body))
        except SandboxRefusal:
            with _in_doubt():
                return await self.subscription(reference)

    async def listed(self, kind: ObjectKind, since: datetime, until: datetime, after: str | None) -> ListedPage:
        asked = {"gte": str(epoch(since)), "lt": str(epoch(until)), **({"starting_after": after} if after else {})}
        return page_of(kind, await self._sandbox.get("listed", f"/cards/lists/{NAMES[kind]}", **asked))

    async def has(self, kind: ObjectKind, reference: str) -> bool:
        try:
            await self._sandbox.get("has", f"/cards/lists/{NAMES[kind]}/{reference}")
        except SandboxRefusal:
            return False
        return True

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> CardEvent:
        stripe_signature.verify(raw, headers.get(stripe_signature.HEADER), self._secrets, self._clock.now())
        return read_event(raw)

    def read_webhook(self, raw: bytes) -> CardEvent:
        return read_event(raw)

    async def _make_once(
        self, operation: str, kind: str, path: str, body: Mapping[str, Any], *, by: str, first_sent_at: datetime
    ) -> dict[str, Any]:
        now = self._clock.now()
        return await self._sandbox.make_once(operation, kind, path, body, by=by, first_sent_at=first_sent_at, now=now)

    async def _read(self, reference: str) -> dict[str, Any]:
        try:
            return await self._sandbox.get("retrieve", f"/cards/payment_intents/{reference}")
        except SandboxRefusal as refusal:
            raise Unavailable("card_payments", "the vendor does not know the payment") from refusal


@contextmanager
def _in_doubt() -> Iterator[None]:
    """Around a read after a command: one that fails, or is not sent, says nothing of what the command has done."""
    try:
        yield
    except Unavailable as error:
        raise InDoubt("card_payments: what became of it could not be read") from error


def _subscription_state(answer: Mapping[str, Any]) -> SubscriptionState:
    return replace(subscription_state(answer), invoices=invoice_states(answer["invoices"]))


def _build(settings: StripeSettings, tools: Tools) -> MockCardPayments:
    secret = settings.stripe_webhook_secret.get_secret_value()
    before = secret_of(settings.stripe_webhook_secret_previous)
    return MockCardPayments(
        tools.sandbox(RESILIENCE, RETRIED),
        webhook_secret=secret,
        clock=tools.clock,
        previous_webhook_secret=before,
    )


VENDOR: Final = Vendor(MOCK, StripeSettings, _build, address=STRIPE)
