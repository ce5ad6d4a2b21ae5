"""What the card vendor bills after a plan's end: cancelled at once, given back, and told to its user."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import ClassVar, Final

from db.ids import new_id
from db.unit_of_work import Queries, Read, Work, retry_on_stale
from domain import ids
from domain.alert import Severity
from domain.clock import Clock
from domain.ids import PlanInvoiceId, PlanSubscriptionId, UserId
from domain.job import Job
from domain.movements import of_invoice
from domain.notification import Template
from domain.plan import PLANS, InvoiceStatus, PlanInvoice, PlanSubscription
from domain.refund import RefundStatus
from providers.card_payments.port import CardPaymentsProvider, InvoiceState, RefundState, SubscriptionState
from providers.vendors import Vendors
from services.backoff import longer
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer

# Longer from try to try, up to `LONGEST`.
_FIRST_PAUSE: Final = timedelta(hours=1)
_SETTLED: Final = frozenset({InvoiceStatus.PAID, InvoiceStatus.REFUNDED})


@dataclass(frozen=True, slots=True)
class EndUnwantedPlan(Job):
    """Cancel a subscription that had ended here, and give back what it charged since.

    `reference` is the vendor's id of it, `charged` the vendor's ids of its invoices, separated by blanks.
    """

    kind: ClassVar[str] = "end_unwanted_plan"
    user_id: UserId
    subscription_id: PlanSubscriptionId
    reference: str
    charged: str


@dataclass(frozen=True, slots=True)
class GiveBackCharge(Job):
    """Give back again what a plan charged after its end. `invoice` is the vendor's id; `pause_s` the last pause."""

    kind: ClassVar[str] = "give_back_plan_charge"
    user_id: UserId
    subscription_id: PlanSubscriptionId
    invoice: str
    pause_s: float

    @property
    def row_id(self) -> str:
        """One chain for each invoice, however many tries begin one."""
        return self.invoice


class UnwantedPlans:
    """Plans that the card vendor bills after their end, whose users have another plan or have left."""

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardPaymentsProvider],
        notifications: NotificationComposer,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._notifications = notifications
        self._incidents = incidents
        self._clock = clock

    async def found(self, ended: PlanSubscription, state: SubscriptionState) -> None:
        """Queue the end of what the vendor bills, and alert operators. Commits."""
        async with self._work() as work:
            charged = " ".join(one.reference for one in await self._unwanted(work, ended, state.invoices))
            job = EndUnwantedPlan(ended.user_id, ended.id, state.reference, charged)
            work.jobs.enqueue(job, now=self._clock.now())
            await work.commit()
        message = f"{ended.id} had ended here and was billed on: it is cancelled, and what was charged is given back"
        self._incidents.alert(Severity.CRITICAL, "Plan billed after its end", message)

    async def end(self, user_id: UserId, subscription_id: PlanSubscriptionId, reference: str, charged: str) -> None:
        """Cancel the subscription, then give back what it charged. Safe to repeat. Raises Unavailable, InDoubt."""
        async with self._read() as read:
            ended = await read.plans.get(user_id, subscription_id)
        if ended is None or ended.is_open:
            return
        vendor = self._vendors[ended.vendor]
        # Cancelled first: the next bill must not wait for a refund that takes several tries.
        state = await vendor.cancel_subscription(reference, at_period_end=False)
        async with self._read() as read:
            late = await self._unwanted(read, ended, state.invoices)
        named = [one for one in state.invoices if one.reference in charged.split()]
        for invoice in {one.reference: one for one in [*named, *late]}.values():
            given = await vendor.refund_invoice(invoice.reference)
            await retry_on_stale(partial(self._record, ended, invoice_of(ended, invoice), given, _FIRST_PAUSE))

    async def give_back(self, job: GiveBackCharge) -> None:
        """Give back a charge that waited for funds or for the vendor. Safe to repeat. Raises Unavailable, InDoubt."""
        async with self._read() as read:
            ended = await read.plans.get(job.user_id, job.subscription_id)
            known = await read.plans.invoices_by_references(job.subscription_id, [job.invoice])
        if ended is None or job.invoice not in known:
            return
        given = await self._vendors[ended.vendor].refund_invoice(job.invoice)
        await retry_on_stale(partial(self._record, ended, known[job.invoice], given, longer(job.pause_s)))

    async def _unwanted(
        self, read: Queries, ended: PlanSubscription, invoices: Sequence[InvoiceState]
    ) -> list[InvoiceState]:
        """The paid invoices that the plan did not have when it ended. What charged nothing has nothing to give back."""
        known = await read.plans.invoices_by_references(ended.id, [one.reference for one in invoices])
        paid = {reference for reference, one in known.items() if one.status in _SETTLED}
        charged = [one for one in invoices if one.status is InvoiceStatus.PAID and one.amount.amount_minor > 0]
        return [one for one in charged if one.reference not in paid]

    async def _record(
        self, ended: PlanSubscription, invoice: PlanInvoice, given: RefundState, pause: timedelta
    ) -> None:
        is_given, now = given.status is RefundStatus.SUCCEEDED, self._clock.now()
        waits = given.lacks_funds or given.status in (None, RefundStatus.PENDING)
        status = InvoiceStatus.REFUNDED if is_given else InvoiceStatus.PAID
        reference = invoice.vendor_invoice_id
        async with self._work() as work:
            known = (await work.plans.invoices_by_references(ended.id, [reference])).get(reference)
            if known is not None and known.status is InvoiceStatus.REFUNDED:
                return
            if waits:
                again = GiveBackCharge(ended.user_id, ended.id, reference, pause.total_seconds())
                await work.jobs.enqueue_next(again, due_at=now + pause, now=now)
            updated = replace(known or invoice, status=status)
            if updated != known:
                await work.plans.put_invoice(updated)
                await work.ledger.put(of_invoice(updated, ended.vendor, now))
            if is_given:
                user = await work.users.get(ended.user_id)
                assert user is not None
                amount = invoice.amount.formatted(user.message_locale)
                data = {"plan": PLANS[ended.plan_id].name, "amount": amount}
                await self._notifications.queue(work, ended.user_id, Template.PLAN_CHARGE_REFUNDED, **data)
            await work.commit()
        if given.lacks_funds:
            message = f"{reference} of {ended.id} waits: pay into the balance at the card vendor, and it is sent again"
            self._incidents.alert(Severity.CRITICAL, "Refund lacks funds", message)
        elif not (is_given or waits):
            message = f"{reference} of {ended.id}, which had ended: give it back in the vendor's dashboard"
            self._incidents.alert(Severity.CRITICAL, "Plan's charge not given back", message)


def invoice_of(subscription: PlanSubscription, invoice: InvoiceState) -> PlanInvoice:
    """A new invoice of the plan, as the vendor has it."""
    return PlanInvoice(
        id=PlanInvoiceId(new_id(ids.PLAN_INVOICE, invoice.created_at)),
        subscription_id=subscription.id,
        vendor_invoice_id=invoice.reference,
        number=invoice.number,
        amount=invoice.amount,
        status=invoice.status,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        created_at=invoice.created_at,
    )
