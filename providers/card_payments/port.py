"""Card payments: customers, payments, refunds, disputes and plan subscriptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.card_payment import CardForm
from domain.dispute import DisputeStatus
from domain.ids import AttemptId, PlanSubscriptionId, UserId
from domain.money import Money
from domain.payment import Failure, Payment, Status
from domain.plan import InvoiceStatus, Plan, PlanPayment, PlanSubscription, PlanTerms
from domain.reconciliation import Listed, ObjectKind
from domain.refund import Refund, RefundFailureCode, RefundStatus


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund at the vendor. `refund_id` is our id, None for a refund that was made in the vendor's dashboard.

    `reference` is the vendor's id, None for a refund that the vendor did not take. `failure` is set where it FAILED.
    `status` is None for a word of the vendor that is not known, which moves nothing. `lacks_funds` is set where it
    FAILED because Drop's own balance at the vendor did not cover it.
    """

    reference: str | None
    refund_id: str | None
    amount: Money
    status: RefundStatus | None
    failure: RefundFailureCode | None = None
    lacks_funds: bool = False


@dataclass(frozen=True, slots=True)
class DisputeState:
    """A dispute (chargeback) at the vendor. `reference` is the vendor's id, `reason` the vendor's code.

    Evidence is accepted until `evidence_due_by`, None if it is not wanted. `status` is None for a word of the vendor
    that is not known, which moves nothing.
    """

    reference: str
    status: DisputeStatus | None
    amount: Money
    reason: str
    evidence_due_by: datetime | None


@dataclass(frozen=True, slots=True)
class IntentState:
    """A payment at the vendor. After a declined card it is AUTHORISATION_REQUIRED with a `failure`: the user may try
    another card.

    `client_secret` is for the paying user's own client and must not be logged. `authorisation_url` is the 3-D Secure
    page while the vendor waits for the user there. `status` is None for a word of the vendor that is not known, which
    moves nothing.
    """

    reference: str
    status: Status | None
    client_secret: str | None
    authorisation_url: str | None = None
    failure: Failure | None = None
    refunds: Sequence[RefundState] = ()
    disputes: Sequence[DisputeState] = ()


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """An invoice of a subscription at the vendor. It pays for the time from `period_start` to `period_end`.

    `reference` is the vendor's id, `number` the number that users see, `disputes` those of its charge.
    """

    reference: str
    number: str
    amount: Money
    status: InvoiceStatus
    period_start: datetime
    period_end: datetime
    created_at: datetime
    disputes: Sequence[DisputeState] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A subscription at the vendor. After a declined first payment its terms are INCOMPLETE, with a failure.

    `terms` are None for a status of the vendor that is not known, which moves nothing.
    """

    reference: str
    terms: PlanTerms | None
    invoices: Sequence[InvoiceState] = ()


class ChargeConcern(StrEnum):
    """What an operator must look at, where it befalls a plan's charge: there is no payment that would show it."""

    DISPUTED = "DISPUTED"
    REFUND_FAILED = "REFUND_FAILED"


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page of a list of the vendor's, newest first. `unreadable` are the vendor's ids of items that cannot be read.

    An item without an id is named by its content. `after` asks for the next page; None on the last one.
    """

    objects: Sequence[Listed]
    unreadable: Sequence[str] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class CardEvent:
    """A card vendor's webhook. It only says which payment or subscription to ask about: that is read at the vendor.

    `event_key` is the same when the vendor repeats the webhook. `kind` is the vendor's name of the event.
    `payment_id` and `subscription_id` are our ids, the references the vendor's. What pays an invoice names that alone,
    or nothing: see `subscription_of`. `concern` is set for a charge that is disputed or could not be given back.
    """

    event_key: str
    kind: str
    payment_id: str | None = None
    payment_reference: str | None = None
    subscription_id: str | None = None
    subscription_reference: str | None = None
    invoice_reference: str | None = None
    concern: ChargeConcern | None = None


class CardPaymentsProvider(Protocol):
    """Charges cards. Every creation carries our id as idempotency key, so a repeat creates nothing new.

    Where the vendor may have forgotten the key, what an earlier request made is looked for by our id.

    A `reference` is the vendor's id. Source: docs/vendors/stripe.md.
    """

    async def create_customer(self, user_id: UserId, name: str, registered_at: datetime) -> str:
        """Create a customer for a user, and give its id at the vendor. Safe to repeat. Raises Unavailable.

        `registered_at` is the user's: no request for the customer is older, so it tells whether a key may be forgotten.
        """

    async def delete_customer(self, reference: str) -> None:
        """Delete a customer with its payment methods and subscriptions. Safe to repeat. Raises Unavailable."""

    async def create(self, payment: Payment, customer: str) -> IntentState:
        """Register a payment; no money moves until it is confirmed. Safe to repeat. Raises Unavailable, InDoubt."""

    def form(self, reference: str, client_secret: str) -> CardForm:
        """The form on which the payer types the card of a registered payment. Nothing is called."""

    async def confirm(self, reference: str, payment_method: str, attempt: AttemptId, return_url: str) -> IntentState:
        """Charge a payment method. A declined card is an answer, not an error. Safe to repeat with the same `attempt`.

        3-D Secure sends the browser back to `return_url`. Raises Unavailable, InDoubt, and InvalidState if the payment
        cannot be charged now.
        """

    async def retrieve(self, reference: str) -> IntentState:
        """The payment's present state, with refunds and disputes. Safe to repeat. Raises Unavailable, NotThere."""

    async def cancel(self, reference: str) -> IntentState:
        """Cancel a payment. If it is too late, the answer is the present state. Safe to repeat.

        Raises Unavailable where nothing was sent, NotThere, and InDoubt where what became of it could not be read.
        """

    async def refund(self, reference: str, refund: Refund) -> RefundState:
        """Refund a payment, in whole or in part. A refused refund is an answer (FAILED), without a `reference`.

        What an earlier try could not pay for want of funds is tried again, by one new try however often it is asked.
        Safe to repeat. Raises Unavailable, InDoubt.
        """

    async def refund_invoice(self, invoice: str) -> RefundState:
        """Give back all that an invoice of a subscription, by the vendor's id, has charged. A refusal is FAILED.

        Safe to repeat. Raises Unavailable, InDoubt.
        """

    async def create_subscription(
        self, subscription: PlanSubscription, plan: Plan, customer: str, payment_method: str, return_url: str
    ) -> SubscriptionState:
        """Create a subscription and charge its first payment. A declined card is an answer, not an error.

        Safe to repeat. Raises Unavailable, InDoubt, and InvalidState if the vendor does not know the payment method.
        """

    async def subscription(self, reference: str) -> SubscriptionState:
        """The subscription's present state, with its invoices. Safe to repeat. Raises Unavailable."""

    async def find_subscription(self, subscription: PlanSubscription, customer: str) -> SubscriptionState | None:
        """What the customer has of this subscription of ours, looked up by our id; None where there is nothing.

        Safe to repeat. Raises Unavailable.
        """

    async def subscription_of(self, event: CardEvent) -> str | None:
        """The vendor's id of the subscription whose invoice or charge an event names; None where it is of none.

        For events that do not name the subscription itself. Safe to repeat. Raises Unavailable.
        """

    async def cancel_subscription(self, reference: str, *, at_period_end: bool) -> SubscriptionState:
        """End a subscription now or with its paid period. Safe to repeat.

        Raises Unavailable where nothing was sent, InDoubt where what became of it could not be read.
        """

    async def change_payment_method(
        self, reference: str, customer: str, our_id: PlanSubscriptionId, payment: PlanPayment
    ) -> SubscriptionState:
        """Pay a subscription by another method from now on, an open bill at once. A declined charge is an answer.

        Safe to repeat with the same `payment`. Raises Unavailable, InDoubt, and InvalidState, with a message for users,
        if the vendor does not take the payment method.
        """

    async def resume_subscription(self, reference: str) -> SubscriptionState:
        """Undo a cancellation at the end of the period. Safe to repeat. Raises Unavailable, InDoubt, as above."""

    async def listed(self, kind: ObjectKind, since: datetime, until: datetime, after: str | None) -> ListedPage:
        """What the vendor has of a kind that was made from `since` on and before `until`, a page of 100 at most.

        Payments of a plan's invoices are left out: the invoices are listed. Safe to repeat. Raises Unavailable.
        """

    async def has(self, kind: ObjectKind, reference: str) -> bool:
        """Whether the vendor knows an object of a kind. Safe to repeat. Raises Unavailable."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> CardEvent:
        """Verify a webhook over its raw body, and read it. `headers` have lower-case names.

        Safe to repeat. Raises BadSignature, BadWebhook.
        """

    def read_webhook(self, raw: bytes) -> CardEvent:
        """Read a stored body that was verified before. Raises BadWebhook."""
