"""Plans of Drop that are paid by card, and a user's subscription to one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Self

from domain.banking_days import banking_day_after
from domain.clock import oslo_date
from domain.errors import InvalidState
from domain.forgotten_payment import WATCHED_BANKING_DAYS
from domain.ids import PlanInvoiceId, PlanSubscriptionId, UserId
from domain.money import Money
from domain.payment import Failure


class PlanInterval(StrEnum):
    """How often a plan is billed."""

    MONTH = "MONTH"
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class Plan:
    """A product of Drop that a user subscribes to. `price` is for one interval."""

    id: str
    name: str
    price: Money
    interval: PlanInterval


PLANS: Final[Mapping[str, Plan]] = {
    plan.id: plan
    for plan in (
        Plan("plan_plus", "Drop Plus", Money(49_00), PlanInterval.MONTH),
        Plan("plan_plus_yearly", "Drop Plus, a year", Money(490_00), PlanInterval.YEAR),
        Plan("plan_premium", "Drop Premium", Money(99_00), PlanInterval.MONTH),
    )
}


class PlanStatus(StrEnum):
    """How a subscription stands at the vendor. CREATED means that the vendor has not answered yet."""

    CREATED = "CREATED"
    INCOMPLETE = "INCOMPLETE"
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    ENDED = "ENDED"


BILLED: Final = frozenset({PlanStatus.ACTIVE, PlanStatus.PAST_DUE})
_NEXT: Mapping[PlanStatus, frozenset[PlanStatus]] = {
    PlanStatus.CREATED: frozenset(PlanStatus) - {PlanStatus.CREATED},
    PlanStatus.INCOMPLETE: frozenset({PlanStatus.ACTIVE, PlanStatus.PAST_DUE, PlanStatus.ENDED}),
    PlanStatus.ACTIVE: frozenset({PlanStatus.PAST_DUE, PlanStatus.ENDED}),
    PlanStatus.PAST_DUE: frozenset({PlanStatus.ACTIVE, PlanStatus.ENDED}),
    # What we took for ended and the vendor goes on billing is shown again, so that its user can cancel it.
    PlanStatus.ENDED: BILLED,
}


class PlanEnd(StrEnum):
    """Why a subscription ended. What a later version has stored reads as OTHER."""

    CANCELLED = "CANCELLED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What the vendor reports of a subscription; `period_end` is when the paid period ends.

    `failure` tells why the newest bill is not paid, and `authorisation_url` is the page where its payer approves it.
    """

    status: PlanStatus
    period_end: datetime | None
    cancel_at_period_end: bool = False
    ended_because: PlanEnd | None = None
    failure: Failure | None = None
    authorisation_url: str | None = None


@dataclass(frozen=True, slots=True)
class PlanPayment:
    """What a subscription is paid with; the 3-D Secure page sends the user back to `return_url`.

    `state_hash` (SHA-256) finds the subscription then, and tells this try to pay from all others.
    """

    payment_method: str
    return_url: str
    state_hash: str


@dataclass(frozen=True, slots=True)
class PlanSubscription:
    """A user's subscription to a plan. A user has one open subscription at most.

    `authorisation_url` is the 3-D Secure page of the newest bill; `period_end` is when the paid period ends.
    `watched_until` is the last day in Oslo on which an end that was inferred is checked.
    """

    id: PlanSubscriptionId
    user_id: UserId
    plan_id: str
    vendor: str
    created_at: datetime
    status: PlanStatus = PlanStatus.CREATED
    vendor_subscription_id: str | None = None
    period_end: datetime | None = None
    cancel_at_period_end: bool = False
    ended_because: PlanEnd | None = None
    failure: Failure | None = None
    authorisation_url: str | None = None
    watched_until: date | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it has not ended: an open subscription keeps its user from a second."""
        return self.status is not PlanStatus.ENDED

    @property
    def is_end_inferred(self) -> bool:
        """Whether we concluded the end: the vendor has not told it."""
        return self.watched_until is not None

    def is_watched(self, today: date) -> bool:
        """Whether its end was inferred, and the vendor may still have it. `today` is the date in Oslo."""
        return self.watched_until is not None and today <= self.watched_until

    def concluded(self, failure: Failure) -> "PlanSubscription":
        """End it by our own conclusion: marked as inferred, and watched. The same object where the vendor has it."""
        if self.status is not PlanStatus.CREATED:
            return self
        until = banking_day_after(oslo_date(self.created_at), WATCHED_BANKING_DAYS, PLANS[self.plan_id].price.currency)
        ended = replace(self, status=PlanStatus.ENDED, failure=failure, watched_until=until)
        return replace(ended, version=self.version + 1)

    def apply(self, terms: PlanTerms) -> "PlanSubscription":
        """Take what the vendor reports; the same object where nothing changed. ENDED reopens where the vendor bills.

        An end that was inferred is watched no more once the vendor has told it.
        """
        is_same = terms.status is self.status and (self.is_open or self.is_end_inferred)
        if not is_same and terms.status not in _NEXT[self.status]:
            return self
        updated = replace(
            self,
            status=terms.status,
            period_end=terms.period_end or self.period_end,
            cancel_at_period_end=terms.cancel_at_period_end,
            ended_because=terms.ended_because,
            # The failure of a payment stays when the subscription ends because of it.
            failure=terms.failure or (self.failure if terms.status is PlanStatus.ENDED else None),
            authorisation_url=terms.authorisation_url,
            watched_until=None,
        )
        return self if updated == self else replace(updated, version=self.version + 1)

    def require_running(self) -> None:
        """Raises InvalidState unless the subscription is paid for, or its last bill is still being collected."""
        if self.status not in BILLED:
            raise InvalidState(f"The plan is {self.status}.", text="PLAN_NOT_RUNNING")

    def require_resumable(self) -> None:
        """Raises InvalidState unless the subscription is to end with its period."""
        self.require_running()
        if not self.cancel_at_period_end:
            raise InvalidState("The plan goes on already.", text="PLAN_GOES_ON")


class InvoiceStatus(StrEnum):
    """Whether a period's bill has been paid, or never will be. REFUNDED was charged after the plan's end."""

    OPEN = "OPEN"
    PAID = "PAID"
    UNCOLLECTIBLE = "UNCOLLECTIBLE"
    VOID = "VOID"
    REFUNDED = "REFUNDED"

    def may_become(self, reported: "InvoiceStatus") -> bool:
        """Whether the vendor's answer moves it: paid and void are final there, so that any other answer is older."""
        return reported in _NEXT_OF_INVOICE.get(self, frozenset())


_NEXT_OF_INVOICE: Mapping[InvoiceStatus, frozenset[InvoiceStatus]] = {
    InvoiceStatus.OPEN: frozenset({InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.VOID}),
    InvoiceStatus.UNCOLLECTIBLE: frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID}),
}


@dataclass(frozen=True, slots=True)
class PlanInvoice:
    """The bill of one period. `number` is the one that the user reads on it."""

    id: PlanInvoiceId
    subscription_id: PlanSubscriptionId
    vendor_invoice_id: str
    number: str
    amount: Money
    status: InvoiceStatus
    period_start: datetime
    period_end: datetime
    created_at: datetime
