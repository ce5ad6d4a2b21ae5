"""What the card vendor reports of plan subscriptions: one path for the reply, the return, the webhook and the job."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from db.events import NewEvent
from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.alert import Severity
from domain.clock import Clock, oslo_date
from domain.errors import InDoubt, InvalidInput, InvalidState, StaleVersion, Unauthenticated, Unavailable
from domain.event import ChangeKind, EventKind
from domain.ids import PlanSubscriptionId, UserId
from domain.job import Job
from domain.movements import of_invoice, of_plan_dispute
from domain.outcome import Outcome
from domain.payment import Failure, FailureCode, PaymentCause
from domain.plan import BILLED, PLANS, PlanInvoice, PlanStatus, PlanSubscription
from domain.reconciliation import Difference, DifferenceKind, Listed, ObjectKind
from domain.snapshot import plan_fields
from providers.card_payments.port import CardPaymentsProvider, ChargeConcern, DisputeState, SubscriptionState
from providers.vendors import Vendors
from services.backoff import LONGEST
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer
from services.payments.customers import Customers
from services.plans.unwanted import UnwantedPlans, invoice_of
from services.status_sync import StatusSync

RECOVER_AFTER: Final = timedelta(seconds=60)
# The vendor renews by itself; the job asks so long after a renewal, in case that the webhook was lost.
_AFTER_RENEWAL: Final = timedelta(hours=1)
# An end that was inferred is asked about so often.
_WATCHED_EVERY: Final = timedelta(days=1)
_CONCERNS: Final[Mapping[ChargeConcern, str]] = {
    ChargeConcern.DISPUTED: "Plan's charge disputed",
    ChargeConcern.REFUND_FAILED: "Plan's charge not given back",
}


@dataclass(frozen=True, slots=True)
class AskPlan(Job):
    """Ask the card vendor how a plan subscription stands: soon while it is new, then after each renewal."""

    kind: ClassVar[str] = "ask_plan_subscription"
    user_id: UserId
    subscription_id: PlanSubscriptionId
    pause_s: float

    @property
    def row_id(self) -> str:
        return self.subscription_id


@dataclass(frozen=True, slots=True)
class PayPlan(Job):
    """Pay a plan by the payment method of one try, in case that the try was cut off."""

    kind: ClassVar[str] = "pay_plan"
    user_id: UserId
    subscription_id: PlanSubscriptionId
    state_hash: str


class PlanStatusSync(StatusSync[PlanSubscription, PlanSubscriptionId]):
    """Asks the card vendor how plan subscriptions and their invoices stand, and applies the answers."""

    name = "subscription"

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardPaymentsProvider],
        customers: Customers,
        unwanted: UnwantedPlans,
        notifications: NotificationComposer,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        super().__init__(work, read, clock)
        self._vendors = vendors
        self._customers = customers
        self._unwanted = unwanted
        self._notifications = notifications
        self._incidents = incidents

    async def subscribe(self, subscription: PlanSubscription) -> None:
        """Create the subscription at the vendor, under its own id as the key: a repeat creates no second one."""
        async with self._read() as read:
            first = await read.plans.payment(subscription.id)
        customer = await self._customers.ensure(subscription.user_id, subscription.vendor)
        vendor, plan = self._vendors[subscription.vendor], PLANS[subscription.plan_id]
        try:
            state = await vendor.create_subscription(
                subscription, plan, customer, first.payment_method, first.return_url
            )
        except InvalidState as error:
            await self.end(subscription, Failure(FailureCode.INCORRECT_CARD_DETAILS))
            raise InvalidInput("INVALID_PAYMENT_METHOD", error.message, field=("input", "paymentMethod")) from error
        await self.apply_reply(subscription, state)

    async def apply_reply(self, asked: PlanSubscription, state: SubscriptionState) -> PlanSubscription:
        """As `apply`, for the reply to a command: what the vendor has done is done, so a failed read is InDoubt."""
        try:
            return await self.apply(asked, state)
        except Unavailable as error:
            raise InDoubt("the subscription was changed and could not be read again") from error

    async def apply(self, asked: PlanSubscription, state: SubscriptionState) -> PlanSubscription:
        """Apply the vendor's answer, which was asked for at this version. Raises Unavailable, InDoubt."""

        async def attempt() -> PlanSubscription:
            nonlocal asked, state
            try:
                return await self._apply(asked, state)
            except StaleVersion:
                # Another update was saved meanwhile: only the vendor can say which of the two is newer.
                asked = await self.current(asked)
                state = await self._vendors[asked.vendor].subscription(state.reference)
                raise

        after = await retry_on_stale(attempt)
        # The first payment was declined: the plan ends, and the user may subscribe again with another card.
        if after.status is PlanStatus.INCOMPLETE and after.failure is not None:
            ended = await self._vendors[after.vendor].cancel_subscription(state.reference, at_period_end=False)
            return await self.apply(after, ended)
        if not after.is_open and state.terms is not None and state.terms.status in BILLED:
            await self._unwanted.found(after, state)
        return after

    async def pay(self, user_id: UserId, subscription_id: PlanSubscriptionId, state_hash: str) -> None:
        """Pay by what the subscription's row holds: the open bill now, the others later. A repeat pays once.

        Nothing happens where another try has replaced this one. Raises Unavailable, InDoubt, and InvalidState where the
        vendor does not take the payment method.
        """
        async with self._read() as read:
            found, payment = await read.plans.get(user_id, subscription_id), await read.plans.payment(subscription_id)
        if found is None or not found.is_open or payment.state_hash != state_hash:
            return
        assert found.vendor_subscription_id is not None
        customer = await self._customers.ensure(found.user_id, found.vendor)
        vendor = self._vendors[found.vendor]
        state = await vendor.change_payment_method(found.vendor_subscription_id, customer, found.id, payment)
        await self.apply_reply(found, state)

    async def pay_again(self, user_id: UserId, subscription_id: PlanSubscriptionId, state_hash: str) -> None:
        """As `pay`, by a job, in case that this process died before the vendor had answered."""
        with suppress(InvalidState):  # the user was told
            await self.pay(user_id, subscription_id, state_hash)

    async def ask_soon(self, subscription: PlanSubscription) -> None:
        """Ask in a minute what became of a command, without waiting for the next renewal. Commits."""
        now = self._clock.now()
        async with self._work() as work:
            job = self._job(subscription, RECOVER_AFTER.total_seconds())
            work.jobs.enqueue(job, due_at=now + RECOVER_AFTER, now=now)
            await work.commit()

    def enqueue_payment(self, work: UnitOfWork, subscription: PlanSubscription, state_hash: str) -> None:
        """Queue the job that repeats `pay`, within the caller's transaction."""
        now = self._clock.now()
        job = PayPlan(subscription.user_id, subscription.id, state_hash)
        work.jobs.enqueue(job, due_at=now + RECOVER_AFTER, now=now)

    def alert(self, subscription: PlanSubscription, concern: ChargeConcern) -> None:
        """Tell operators what befell a charge of this plan: no payment of a user's shows it."""
        message = f"a charge of {subscription.id}: see the card vendor's dashboard"
        self._incidents.alert(Severity.CRITICAL, _CONCERNS[concern], message)

    async def end(self, subscription: PlanSubscription, failure: Failure) -> None:
        """End a subscription that the vendor refused or was not sent, with the reason that the user sees. Commits.

        The vendor has not told this end, so it is asked for some days whether it has the subscription after all.
        """

        async def attempt() -> None:
            await self._save(await self.current(subscription), lambda before: before.concluded(failure), None)

        await retry_on_stale(attempt)

    def publish(
        self, work: UnitOfWork, subscription: PlanSubscription, change: ChangeKind = ChangeKind.UPDATED
    ) -> None:
        """Publish this version of the subscription to its user's stream, within the caller's transaction."""
        fields = plan_fields(subscription)
        now = self._clock.now()
        work.publish(NewEvent(subscription.user_id, EventKind.PLAN_SUBSCRIPTION, subscription.id, fields, now, change))

    async def _load(self, queries: Queries, user_id: UserId, object_id: PlanSubscriptionId) -> PlanSubscription | None:
        return await queries.plans.get(user_id, object_id)

    async def _ask(self, found: PlanSubscription, cause: PaymentCause) -> Outcome:
        state = await self._at_vendor(found)
        if state is not None:
            if found.is_end_inferred:
                state = await self._end_alive(found, state)
            after = await self.apply(found, state)
        else:
            if found.is_open:
                with suppress(InvalidInput):  # the plan says so
                    await self.subscribe(found)
            after = await self.current(found)
        if after.version == found.version:
            return Outcome(False, f"the plan is {after.status} already")
        return Outcome(True, f"{found.status} -> {after.status}")

    async def _at_vendor(self, found: PlanSubscription) -> SubscriptionState | None:
        """How the subscription stands at the vendor; None where that has not answered for it, or does not have it."""
        vendor = self._vendors[found.vendor]
        if found.vendor_subscription_id is not None:
            return await vendor.subscription(found.vendor_subscription_id)
        customer = await self._customers.at(found.user_id, found.vendor)
        # An open one is found by its creation, which is repeated under its own id.
        return await vendor.find_subscription(found, customer) if customer is not None and not found.is_open else None

    async def _end_alive(self, ended: PlanSubscription, state: SubscriptionState) -> SubscriptionState:
        """Tell operators of a subscription that had ended here by our conclusion and is alive at the vendor.

        One that still waits for its first payment is ended there, since its user was told that there is none.
        """
        if state.terms is None or state.terms.status is PlanStatus.ENDED:
            return state
        listed = Listed(ObjectKind.PLAN, state.reference, state.terms.status, None, ended.id)
        found, now = Difference(DifferenceKind.STATUS, listed, ended.id, ended.status), self._clock.now()
        async with self._work() as work:
            await work.reconciliation.put(ended.vendor, [found], now)
            await work.commit()
        message = f"{ended.id} is {state.terms.status} at the card vendor ({state.reference}): gateway reconcile list"
        self._incidents.alert(Severity.CRITICAL, "Plan alive after its inferred end", message)
        if state.terms.status is PlanStatus.INCOMPLETE:
            return await self._vendors[ended.vendor].cancel_subscription(state.reference, at_period_end=False)
        return state

    def _job(self, asked: PlanSubscription, pause_s: float) -> AskPlan:
        return AskPlan(asked.user_id, asked.id, pause_s)

    def _is_final(self, found: PlanSubscription) -> bool:
        return not found.is_open and not found.is_watched(oslo_date(self._clock.now()))

    def _longest_pause(self, found: PlanSubscription) -> timedelta:
        return LONGEST if found.is_open else _WATCHED_EVERY

    def _due(self, asked: PlanSubscription, due_at: datetime) -> datetime:
        # A running plan is asked about only after its renewal: other changes are reported by webhooks.
        if asked.status is PlanStatus.ACTIVE and asked.period_end is not None:
            return max(due_at, asked.period_end + _AFTER_RENEWAL)
        return due_at

    async def _apply(self, subscription: PlanSubscription, state: SubscriptionState) -> PlanSubscription:
        terms = state.terms
        return await self._save(
            subscription, lambda before: before.apply(terms) if terms is not None else before, state
        )

    async def _save(
        self,
        subscription: PlanSubscription,
        change: Callable[[PlanSubscription], PlanSubscription],
        state: SubscriptionState | None,
    ) -> PlanSubscription:
        async with self._work() as work:
            before = await work.plans.get(subscription.user_id, subscription.id)
            assert before is not None
            if before.version != subscription.version:
                raise StaleVersion
            after = change(before)
            is_reopened = after.is_open and not before.is_open
            if is_reopened and not await self._may_reopen(work, before):
                return before
            if state is not None:
                await self._apply_invoices(work, before, state)
                after = replace(after, vendor_subscription_id=state.reference)
            if after != before:
                await work.plans.save(before, after)
            if after.version != before.version:
                self.publish(work, after)
                await self._notifications.plan(work, before, after)
            if is_reopened:
                self.enqueue_ask(work, after, RECOVER_AFTER)
            await work.commit()
            return after

    async def _may_reopen(self, work: UnitOfWork, ended: PlanSubscription) -> bool:
        """Whether its user is still here and has no other plan."""
        try:
            await work.users.hold(ended.user_id)
        except Unauthenticated:
            return False
        return not await work.plans.open_of_users([ended.user_id])

    async def _apply_invoices(self, work: UnitOfWork, subscription: PlanSubscription, state: SubscriptionState) -> None:
        references = [invoice.reference for invoice in state.invoices]
        known = await work.plans.invoices_by_references(subscription.id, references)
        for at_vendor in state.invoices:
            before = known.get(at_vendor.reference)
            if before is None or before.status.may_become(at_vendor.status):
                new = invoice_of(subscription, at_vendor)
                invoice = replace(new, id=before.id) if before is not None else new
                await work.plans.put_invoice(invoice)
                await work.ledger.put(of_invoice(invoice, subscription.vendor, self._clock.now()))
                await self._notifications.invoice(work, subscription, invoice)
            else:
                invoice = before
            for dispute in at_vendor.disputes:
                await self._apply_dispute(work, subscription.vendor, invoice, dispute)

    async def _apply_dispute(self, work: UnitOfWork, vendor: str, invoice: PlanInvoice, dispute: DisputeState) -> None:
        """Record what a dispute of a plan's charge has moved, once it is decided."""
        if dispute.status is None:
            return
        recorded = await work.ledger.kinds_of_object(vendor, dispute.reference)
        now = self._clock.now()
        await work.ledger.put(
            of_plan_dispute(invoice, vendor, dispute.reference, dispute.amount, dispute.status, now, recorded)
        )
