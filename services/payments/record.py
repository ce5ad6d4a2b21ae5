"""Saves each step of a payment of either rail: row, history, event, jobs and messages commit together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from db.events import NewEvent
from db.unit_of_work import UnitOfWork, Work, retry_on_stale
from domain.alert import Severity
from domain.clock import Clock
from domain.event import ChangeKind, EventKind
from domain.ids import AccountId, UserId
from domain.job import Job
from domain.movements import of_card_payment
from domain.outcome import Outcome
from domain.payment import Payment, PaymentCause, PaymentEvent, Rail, Status
from domain.snapshot import payment_fields
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer

Step = Callable[[Payment], tuple[Payment, PaymentEvent | None]]
# What else the step's transaction writes, even if the status does not change: a vendor's id or page.
Also = Callable[[UnitOfWork], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RefreshAccount(Job):
    """Read the account that a settled payment was made from, so that its owner sees the new balance."""

    kind: ClassVar[str] = "refresh_account"
    user_id: UserId
    account_id: AccountId


class PaymentRecorder:
    """Saves a payment's change with its history, the user's stream event, the messages and jobs that follow."""

    def __init__(self, work: Work, notifications: NotificationComposer, incidents: Incidents, clock: Clock) -> None:
        self._work = work
        self._incidents = incidents
        self._notifications = notifications
        self._clock = clock

    async def apply(
        self, payment: Payment, step: Step, *, also: Also | None = None
    ) -> tuple[Payment, PaymentEvent | None]:
        """Load, step and save; again if another transaction wrote in between. Gives the payment and its new event."""
        return await retry_on_stale(lambda: self._apply(payment, step, also))

    async def _apply(self, payment: Payment, step: Step, also: Also | None) -> tuple[Payment, PaymentEvent | None]:
        async with self._work() as work:
            if also is not None:
                await also(work)
            before = await work.payments.get(payment.user_id, payment.id)
            assert before is not None
            after, event = step(before)
            after = await self.save(work, before, after, event)
            await work.commit()
            return after, event

    async def save(self, work: UnitOfWork, before: Payment, after: Payment, event: PaymentEvent | None) -> Payment:
        """Save the change within the caller's transaction; without an event nothing is saved. Raises StaleVersion.

        Gives the payment as saved, with what was given back of it by now.
        """
        if event is None:
            return after
        await work.payments.save(before, after, event)
        if before.status is not after.status:
            await work.ledger.put(of_card_payment(after, event.at))
        if after.rail is Rail.CARD:
            after = replace(after, refunded_minor=await work.ledger.given_back(after.id))
        self.publish(work, after)
        await self._notifications.payment(work, before, after)
        if after.status is Status.SETTLED and before.status is not Status.SETTLED:
            self._after_settling(work, before, event)
        return after

    def publish(self, work: UnitOfWork, payment: Payment, change: ChangeKind = ChangeKind.UPDATED) -> None:
        """Publish this version of the payment to its user's stream, within the caller's transaction."""
        fields, now = payment_fields(payment), self._clock.now()
        work.publish(NewEvent(payment.user_id, EventKind.PAYMENT, payment.id, fields, now, change))

    def _after_settling(self, work: UnitOfWork, before: Payment, settled: PaymentEvent) -> None:
        # What a statement has told was read with the balance.
        if before.debtor_account_id is not None and settled.cause is not PaymentCause.STATEMENT:
            work.jobs.enqueue(RefreshAccount(before.user_id, before.debtor_account_id), now=self._clock.now())
        if before.status.is_final:
            message = f"{before.id} was {before.status} and the vendor has settled it"
            self._incidents.alert(Severity.CRITICAL, "Payment settled after its end", message)


def outcome_of(payment: Payment, event: PaymentEvent | None, was: Status) -> Outcome:
    """What a status update changed, or why it changed nothing, as operators read it."""
    if event is None:
        return Outcome(False, f"the payment is {payment.status} already")
    return Outcome(True, f"{was} -> {payment.status}")
