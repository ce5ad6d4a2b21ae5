"""What the card vendor reports of plan subscriptions: one path for the reply, the return, the webhook and the job."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final

from db.events import NewEvent
from db.ids import new_id
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.clock import Clock
from domain.errors import InDoubt, InvalidInput, InvalidState, StaleVersion, Unavailable
from domain.event import EventKind
from domain.ids import PlanInvoiceId, PlanSubscriptionId, UserId
from domain.job import Job
from domain.outcome import Outcome
from domain.payment import Failure, FailureCode
from domain.plan import PLANS, PlanInvoice, PlanStatus, PlanSubscription, PlanTerms
from domain.snapshot import plan_fields
from providers.card_payments.port import CardPaymentsProvider, SubscriptionState
from providers.vendors import Vendors
from services.backoff import longer
from services.notifications.compose import NotificationComposer
from services.payments.customers import Customers

# The vendor takes the renewal by itself; this is the net under its webhook.
_AFTER_RENEWAL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AskPlan(Job):
    """Ask the card vendor how a plan subscription stands: soon while it is new, then after each renewal."""

    kind: ClassVar[str] = "ask_plan_subscription"
    user_id: UserId
    subscription_id: PlanSubscriptionId
    pause_s: float


class PlanStatusSync:
    """Moves plan subscriptions and their invoices by what the card vendor says of them."""

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardPaymentsProvider],
        customers: Customers,
        notifications: NotificationComposer,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._customers = customers
        self._notifications = notifications
        self._clock = clock

    async def refresh(self, user_id: UserId, subscription_id: PlanSubscriptionId) -> Outcome:
        """Ask the vendor and take its word; says what that did. Raises Unavailable, InDoubt."""
        async with self._read() as read:
            before = await read.plans.get(user_id, subscription_id)
        if before is None:
            return Outcome(False, "the subscription is gone")
        if before.vendor_subscription_id is None:
            if before.is_open:
                await self.subscribe(before)
            after = await self.current(before)
        else:
            state = await self._vendors[before.vendor].subscription(before.vendor_subscription_id)
            after = await self.take(before, state)
        if after.version == before.version:
            return Outcome(False, f"the plan is {after.status} already")
        return Outcome(True, f"{before.status} -> {after.status}")

    async def ask(self, user_id: UserId, subscription_id: PlanSubscriptionId, pause_s: float) -> None:
        """The net under the webhooks: soon while it is new, then after each renewal."""
        await self.refresh(user_id, subscription_id)
        async with self._work() as work:
            subscription = await work.plans.get(user_id, subscription_id)
            if subscription is not None and subscription.is_open:
                self.enqueue_ask(work, subscription, longer(pause_s))
                await work.commit()

    async def subscribe(self, subscription: PlanSubscription) -> None:
        """Ask the vendor, under the subscription's own key, so that asking again makes no second one."""
        async with self._read() as read:
            first = await read.plans.first_payment(subscription.id)
        customer = await self._customers.ensure(subscription.user_id, subscription.vendor)
        vendor, plan = self._vendors[subscription.vendor], PLANS[subscription.plan_id]
        try:
            state = await vendor.create_subscription(
                subscription, plan, customer, first.payment_method, first.return_url
            )
        except InvalidState as error:
            unknown = Failure(FailureCode.INCORRECT_CARD_DETAILS, "The card vendor does not know this payment method.")
            await self.end(subscription, unknown)
            raise InvalidInput("INVALID_PAYMENT_METHOD", unknown.message, field=("input", "paymentMethod")) from error
        try:
            await self.take(subscription, state)
        except Unavailable as error:
            # The vendor has the subscription: failing to read it again is no reason to end the plan.
            raise InDoubt("the subscription was made and could not be read again") from error

    async def take(self, asked: PlanSubscription, state: SubscriptionState) -> PlanSubscription:
        """Take an answer to what was asked of this version of the subscription. Raises Unavailable."""

        async def attempt() -> PlanSubscription:
            nonlocal asked, state
            try:
                return await self._apply(asked, state.terms, state)
            except StaleVersion:
                # Another update was saved meanwhile: only the vendor can say which of the two is newer.
                asked = await self.current(asked)
                state = await self._vendors[asked.vendor].subscription(state.reference)
                raise

        after = await retry_on_stale(attempt)
        # The card was declined: nothing is owed, and another card starts anew.
        if after.status is PlanStatus.INCOMPLETE and after.failure is not None:
            ended = await self._vendors[after.vendor].cancel_subscription(state.reference, at_period_end=False)
            return await self.take(after, ended)
        return after

    async def end(self, subscription: PlanSubscription, failure: Failure) -> None:
        """It came to nothing."""
        terms = PlanTerms(PlanStatus.ENDED, None, failure=failure)
        await retry_on_stale(lambda: self._end_current(subscription, terms))

    async def current(self, subscription: PlanSubscription) -> PlanSubscription:
        async with self._read() as read:
            current = await read.plans.get(subscription.user_id, subscription.id)
        assert current is not None
        return current

    def tell(self, work: UnitOfWork, subscription: PlanSubscription) -> None:
        """A version of the subscription goes to its user's stream."""
        fields = plan_fields(subscription)
        work.publish(
            NewEvent(subscription.user_id, EventKind.PLAN_SUBSCRIPTION, subscription.id, fields, self._clock.now())
        )

    def enqueue_ask(self, work: UnitOfWork, subscription: PlanSubscription, pause: timedelta) -> None:
        now = self._clock.now()
        due = now + pause
        # Between two renewals nothing happens that no webhook tells of.
        if subscription.status is PlanStatus.ACTIVE and subscription.period_end is not None:
            due = max(due, subscription.period_end + _AFTER_RENEWAL)
        work.jobs.enqueue(AskPlan(subscription.user_id, subscription.id, pause.total_seconds()), due_at=due, now=now)

    async def _end_current(self, subscription: PlanSubscription, terms: PlanTerms) -> None:
        await self._apply(await self.current(subscription), terms, None)

    async def _apply(
        self, subscription: PlanSubscription, terms: PlanTerms, state: SubscriptionState | None
    ) -> PlanSubscription:
        async with self._work() as work:
            before = await work.plans.get(subscription.user_id, subscription.id)
            assert before is not None
            if before.version != subscription.version:
                raise StaleVersion
            after = before.apply(terms)
            if state is not None:
                await self._take_invoices(work, before, state)
                after = replace(
                    after, vendor_subscription_id=state.reference, authorisation_url=state.authorisation_url
                )
            if after != before:
                await work.plans.save(before, after)
            if after.version != before.version:
                self.tell(work, after)
                await self._notifications.plan(work, before, after)
            await work.commit()
            return after

    async def _take_invoices(self, work: UnitOfWork, subscription: PlanSubscription, state: SubscriptionState) -> None:
        known = {
            invoice.vendor_invoice_id: invoice
            for invoice in (await work.plans.invoices([subscription.id])).get(subscription.id, [])
        }
        for at_vendor in state.invoices:
            before = known.get(at_vendor.reference)
            if before is not None and before.status is at_vendor.status:
                continue
            invoice = PlanInvoice(
                id=before.id if before else PlanInvoiceId(new_id(ids.PLAN_INVOICE, self._clock.now())),
                subscription_id=subscription.id,
                vendor_invoice_id=at_vendor.reference,
                number=at_vendor.number,
                amount=at_vendor.amount,
                status=at_vendor.status,
                period_start=at_vendor.period_start,
                period_end=at_vendor.period_end,
                created_at=at_vendor.created_at,
            )
            await work.plans.put_invoice(invoice)
            await self._notifications.invoice(work, subscription, invoice)
