"""Card payments: customers, payment intents, refunds and disputes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.dispute import DisputeStatus
from domain.ids import AttemptId, UserId
from domain.money import Money
from domain.payment import Failure, Payment, Status
from domain.plan import InvoiceStatus, Plan, PlanSubscription, PlanTerms
from domain.refund import Refund, RefundStatus


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund at the vendor. `refund_id` is ours, None for one that was made at the vendor's own desk."""

    reference: str
    refund_id: str | None
    amount: Money
    status: RefundStatus
    failure_message: str | None = None


@dataclass(frozen=True, slots=True)
class DisputeState:
    reference: str
    status: DisputeStatus
    amount: Money
    reason: str
    evidence_due_by: datetime | None


@dataclass(frozen=True, slots=True)
class IntentState:
    """A payment at the vendor. A declined card is AUTHORISATION_REQUIRED with its `failure`: another may be tried.

    `client_secret` is for the paying user's own client and goes into no log. `authorisation_url` is the 3-D Secure
    page while the vendor waits for it.
    """

    reference: str
    status: Status
    client_secret: str | None
    authorisation_url: str | None = None
    failure: Failure | None = None
    refunds: Sequence[RefundState] = ()
    dispute: DisputeState | None = None


@dataclass(frozen=True, slots=True)
class InvoiceState:
    reference: str
    number: str
    amount: Money
    status: InvoiceStatus
    period_start: datetime
    period_end: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A subscription at the vendor, with its invoices. A declined first payment is INCOMPLETE with its failure."""

    reference: str
    terms: PlanTerms
    authorisation_url: str | None = None
    invoices: Sequence[InvoiceState] = ()


@dataclass(frozen=True, slots=True)
class CardEvent:
    """A webhook, read. A hint alone: the object is read at the vendor before anything moves."""

    event_key: str
    kind: str
    payment_id: str | None = None
    payment_reference: str | None = None
    subscription_id: str | None = None
    subscription_reference: str | None = None


class CardPaymentsProvider(Protocol):
    """Every creation carries our own id as the vendor's idempotency key, so it may be sent again as the same."""

    async def create_customer(self, user_id: UserId, name: str) -> str:
        """The vendor's id; the same user gives the same customer. Raises Unavailable."""

    async def delete_customer(self, reference: str) -> None:
        """With everything that hangs on it. Safe to repeat. Raises Unavailable."""

    async def create(self, payment: Payment, customer: str) -> IntentState:
        """Register a payment; no money moves until it is confirmed. Raises Unavailable, InDoubt."""

    async def confirm(self, reference: str, payment_method: str, attempt: AttemptId, return_url: str) -> IntentState:
        """Charge the payment method. A declined card is an answer. Raises Unavailable, InDoubt, InvalidState."""

    async def retrieve(self, reference: str) -> IntentState:
        """As it stands. Raises Unavailable."""

    async def cancel(self, reference: str) -> IntentState:
        """Safe to repeat. What can no longer be cancelled is given as it stands. Raises Unavailable."""

    async def refund(self, reference: str, refund: Refund) -> RefundState:
        """The vendor's no is an answer (FAILED). Raises Unavailable, InDoubt."""

    async def create_subscription(
        self, subscription: PlanSubscription, plan: Plan, customer: str, payment_method: str, return_url: str
    ) -> SubscriptionState:
        """Subscribe and take the first payment. A declined card is an answer.

        Raises Unavailable, InDoubt, InvalidState where the vendor does not know the payment method.
        """

    async def subscription(self, reference: str) -> SubscriptionState:
        """As it stands. Raises Unavailable."""

    async def cancel_subscription(self, reference: str, *, at_period_end: bool) -> SubscriptionState:
        """End it now or with its period. Safe to repeat. Raises Unavailable."""

    async def resume_subscription(self, reference: str) -> SubscriptionState:
        """Let it go on after its period. Safe to repeat. Raises Unavailable."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> CardEvent:
        """Verify on the raw body, then read. Raises BadSignature, BadWebhook."""

    def read_webhook(self, raw: bytes) -> CardEvent:
        """Read a body that was verified before. Raises BadWebhook."""
