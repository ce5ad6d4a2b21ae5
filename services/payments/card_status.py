"""What the card vendor reports of payments: one path for the reply, the return, the webhook and the reconciliation."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final

from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.alert import Severity
from domain.authorisation import SealedAuthorisation
from domain.card_payment import PaymentAttempt
from domain.clock import Clock
from domain.errors import InDoubt, InvalidState, NotThere, StaleVersion, Unavailable
from domain.ids import AttemptId, PaymentId, RefundId, UserId
from domain.job import Job
from domain.outcome import Outcome
from domain.payment import Failure, FailureCode, Payment, PaymentCause, PaymentEventKind, Status, StatusUpdate
from domain.refund import Refund, RefundStatus
from domain.timeline import about
from providers.card_payments.port import CardPaymentsProvider, IntentState, RefundState
from providers.vendors import Vendors
from services.backoff import longer
from services.incidents import Incidents
from services.payments.card_relations import CardRelations
from services.payments.card_vendor import unavailable
from services.payments.customers import Customers
from services.payments.record import PaymentRecorder, outcome_of
from services.status_sync import StatusSync
from services.users.kyc import may_still_pay

RECOVER_AFTER: Final = timedelta(seconds=60)
# A card payment that is not paid by then is cancelled at the vendor.
LIFETIME: Final = timedelta(hours=24)
_NOT_CHARGED: Final = Failure(FailureCode.PROVIDER_UNAVAILABLE)
_OUT_OF_TIME: Final = Failure(FailureCode.AUTHORISATION_EXPIRED)
_ENDED_HERE: Final = frozenset({Status.EXPIRED, Status.CANCELLED, Status.FAILED})


@dataclass(frozen=True, slots=True)
class AskCardVendor(Job):
    """Ask the card vendor how a payment stands, and again after a longer pause until it is final."""

    kind: ClassVar[str] = "ask_card_vendor"
    user_id: UserId
    payment_id: PaymentId
    pause_s: float

    @property
    def row_id(self) -> str:
        return self.payment_id


@dataclass(frozen=True, slots=True)
class SettleRefund(Job):
    """Send a refund or ask the vendor for it, and again after a longer pause until its outcome is known."""

    kind: ClassVar[str] = "settle_refund"
    user_id: UserId
    payment_id: PaymentId
    refund_id: RefundId
    pause_s: float

    @property
    def row_id(self) -> str:
        return self.refund_id


@dataclass(frozen=True, slots=True)
class EndAtCardVendor(Job):
    """Cancel a payment that has ended here and is open at the card vendor, and again after a longer pause."""

    kind: ClassVar[str] = "end_at_card_vendor"
    user_id: UserId
    payment_id: PaymentId
    pause_s: float

    @property
    def row_id(self) -> str:
        return self.payment_id


class CardStatusSync(StatusSync[Payment, PaymentId]):
    """Asks the card vendor how payments, refunds and disputes stand, until they are final, and applies the answers."""

    name = "payment"

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardPaymentsProvider],
        customers: Customers,
        recorder: PaymentRecorder,
        relations: CardRelations,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        super().__init__(work, read, clock)
        self._vendors = vendors
        self._customers = customers
        self._recorder = recorder
        self._relations = relations
        self._incidents = incidents

    async def apply(
        self, asked: Payment, state: IntentState, cause: PaymentCause, attempt: AttemptId | None = None
    ) -> Payment:
        """Apply the vendor's answer, which was asked for at this version, to a try where there was one.

        Raises StaleVersion, Unavailable.
        """
        try:
            return (await self._apply(asked, state, cause, attempt))[0]
        except StaleVersion:
            # Another update was saved meanwhile: only the vendor can say which of the two is newer.
            await self.refresh(asked.user_id, asked.id, cause)
            return await self.current(asked)

    async def settle_refund(self, user_id: UserId, payment_id: PaymentId, refund_id: RefundId, pause_s: float) -> None:
        """Send a refund, again under its own key where no answer came, and ask until its outcome is known."""
        payment, refund = await self._refund(user_id, payment_id, refund_id)
        if payment is None or refund is None or refund.status is not RefundStatus.PENDING:
            return
        if refund.vendor_refund_id is None:
            await self.send_refund(payment, refund)
        else:
            await self.refresh(user_id, payment_id, PaymentCause.VENDOR_READ)
        _, refund = await self._refund(user_id, payment_id, refund_id)
        if refund is not None and refund.status is RefundStatus.PENDING:
            async with self._work() as work:
                self.enqueue_refund(work, payment, refund, longer(pause_s))
                await work.commit()

    async def charge(self, payment: Payment, payment_method: str, attempt: AttemptId, return_url: str) -> IntentState:
        """Charge a payment method, once for each attempt. Raises Unavailable where nothing was charged, InDoubt."""
        assert payment.vendor_payment_id is not None
        vendor = self._vendors[payment.vendor]
        try:
            return await vendor.confirm(payment.vendor_payment_id, payment_method, attempt, return_url)
        except InvalidState:
            # The payment is paid, cancelled or waiting at the vendor already: the vendor's status is the answer.
            try:
                return await vendor.retrieve(payment.vendor_payment_id)
            except Unavailable as error:
                raise InDoubt("the card vendor took no try, and the payment could not be read") from error

    async def doubt(self, payment: Payment, attempt: AttemptId) -> Payment:
        """Mark a payment in doubt whose try was not answered. Commits."""
        now = self._clock.now()
        after, _ = await self._recorder.apply(
            payment,
            lambda current: current.marked_in_doubt(now, asked_in=Status.AUTHORISATION_REQUIRED),
            also=lambda work: work.attempts.record(attempt, now),
        )
        return after

    async def ask_soon(self, payment: Payment) -> Payment:
        """Ask in a minute what became of a command. Gives the payment as it stands. Commits."""
        async with self._work() as work:
            self.enqueue_ask(work, payment, RECOVER_AFTER)
            await work.commit()
        return await self.current(payment)

    async def end_at_vendor(self, payment: Payment) -> None:
        """Cancel a payment that an operator is about to call failed: what could still be paid has not failed.

        Raises InvalidState where it is paid or under way there, and ProviderUnavailable. Commits what the vendor says.
        """
        vendor = self._vendors[payment.vendor]
        try:
            reference = payment.vendor_payment_id
            if reference is None:  # under the same key the vendor gives what an unanswered creation has made
                customer = await self._customers.ensure(payment.user_id, payment.vendor)
                reference = (await vendor.create(payment, customer)).reference
            state = await vendor.cancel(reference)
            if state.status is not Status.CANCELLED:
                await self.apply(payment, state, PaymentCause.VENDOR_READ)
        except NotThere:
            return  # what the vendor does not have cannot be paid there
        except (Unavailable, InDoubt) as error:
            raise unavailable() from error
        if state.status is not Status.CANCELLED:
            raise InvalidState(f"The card vendor has the payment as {state.status}.", field=("payment",))

    async def end_again(self, user_id: UserId, payment_id: PaymentId, pause_s: float) -> None:
        """Cancel a payment that has ended here and is open at the vendor; operators hear where that cannot be done.

        What is paid there settles the payment. Asks again after a longer pause until the vendor has ended it, too.
        Safe to repeat. Commits. Raises Unavailable, InDoubt.
        """
        async with self._read() as read:
            payment = await read.payments.get(user_id, payment_id)
        if payment is None or payment.vendor_payment_id is None or payment.status not in _ENDED_HERE:
            return
        about(payment.id, user_id)
        try:
            state = await self._vendors[payment.vendor].cancel(payment.vendor_payment_id)
        except NotThere:
            return
        if state.status is not None and state.status.is_final:
            await self.apply(payment, state, PaymentCause.VENDOR_READ)
            return
        async with self._work() as work:
            await self._enqueue_end(work, payment, longer(pause_s))
            await work.commit()
        if pause_s == RECOVER_AFTER.total_seconds():
            message = (
                f"{payment.id} was {payment.status} here, and cannot be cancelled at the vendor: it may be paid yet"
            )
            self._incidents.alert(Severity.CRITICAL, "Payment open after its end", message)

    async def send_refund(self, payment: Payment, refund: Refund) -> None:
        """Raises Unavailable, InDoubt."""
        assert payment.vendor_payment_id is not None
        state = await self._vendors[payment.vendor].refund(payment.vendor_payment_id, refund)
        await retry_on_stale(lambda: self._record_refund(payment, state))

    def enqueue_refund(self, work: UnitOfWork, payment: Payment, refund: Refund, pause: timedelta) -> None:
        now = self._clock.now()
        job = SettleRefund(payment.user_id, payment.id, refund.id, pause.total_seconds())
        work.jobs.enqueue(job, due_at=now + pause, now=now)

    async def _enqueue_end(self, work: UnitOfWork, payment: Payment, pause: timedelta) -> None:
        """However many answers show the payment open, one chain of tries goes on."""
        now = self._clock.now()
        job = EndAtCardVendor(payment.user_id, payment.id, max(pause, RECOVER_AFTER).total_seconds())
        await work.jobs.enqueue_next(job, due_at=now + pause, now=now)

    async def _load(self, queries: Queries, user_id: UserId, object_id: PaymentId) -> Payment | None:
        return await queries.payments.get(user_id, object_id)

    def _job(self, asked: Payment, pause_s: float) -> AskCardVendor:
        return AskCardVendor(asked.user_id, asked.id, pause_s)

    def _is_final(self, found: Payment) -> bool:
        return found.status.is_final

    async def _end_overdue(self, found: Payment) -> Payment:
        # What its user has approved and a slow method carries out is not ours to cancel: the vendor tells its end.
        is_under_way = found.status is Status.PROCESSING or found.in_doubt
        if found.status.is_final or is_under_way or not self._is_overdue(found) or found.vendor_payment_id is None:
            return found
        state = await self._vendors[found.vendor].cancel(found.vendor_payment_id)
        return await self.apply(found, state, PaymentCause.EXPIRY)

    async def _ask(self, found: Payment, cause: PaymentCause) -> Outcome:
        about(found.id, found.user_id)
        vendor = self._vendors[found.vendor]
        attempt = await self._cut_off(found)
        if attempt is not None:
            return await self._resume(found, attempt)
        if found.vendor_payment_id is not None:
            try:
                state = await vendor.retrieve(found.vendor_payment_id)
            except NotThere:
                return await self._not_there(found)
        elif found.status.is_final:
            return Outcome(False, f"the payment is {found.status} already")
        else:
            # The creation was not answered. Under the same key the vendor gives the same object again.
            state = await vendor.create(found, await self._customers.ensure(found.user_id, found.vendor))
        return (await self._apply(found, state, cause))[1]

    async def _not_there(self, found: Payment) -> Outcome:
        """The vendor does not have a payment of which it gave the id: operators find out what became of it."""
        now, event = self._clock.now(), None
        if not found.status.is_final:
            _, event = await self._recorder.apply(
                found, lambda current: current.marked_in_doubt(now, asked_in=found.status)
            )
        return Outcome(event is not None, "the vendor does not have it")

    async def _cut_off(self, found: Payment) -> PaymentAttempt | None:
        """The newest try, if the process that began it died before it had charged the card or stored the outcome."""
        is_waiting = found.status is Status.AUTHORISATION_REQUIRED and found.vendor_payment_id is not None
        if not is_waiting or found.in_doubt or self._is_overdue(found):
            return None
        async with self._read() as read:
            last = await read.attempts.last_of(found.id)
        if last is None or last.recorded_at is not None or self._clock.now() < last.created_at + RECOVER_AFTER:
            return None
        return last

    async def _resume(self, found: Payment, attempt: PaymentAttempt) -> Outcome:
        """Send a try again under its own key: the vendor charges it, or gives the answer that was not stored."""
        try:
            state = await self.charge(found, attempt.payment_method, attempt.id, attempt.return_url)
        except InDoubt:
            await self.doubt(found, attempt.id)
            return Outcome(True, "the try was sent again, and not answered")
        return (await self._apply(found, state, PaymentCause.VENDOR_REPLY, attempt.id))[1]

    async def _apply(
        self, asked: Payment, state: IntentState, cause: PaymentCause, attempt: AttemptId | None = None
    ) -> tuple[Payment, Outcome]:
        now = self._clock.now()
        async with self._work() as work:
            if attempt is not None:
                await work.attempts.record(attempt, now)
            may_pay = asked.vendor_payment_id is not None or await may_still_pay(work, asked.user_id, now)
            before = await work.payments.get(asked.user_id, asked.id)
            assert before is not None
            # Another update was saved since the vendor was asked, so that the vendor's answer may be the older one.
            if before.version != asked.version:
                raise StaleVersion
            failure = state.failure
            if state.status is before.status and not (failure or state.authorisation_url):
                # The vendor reports no new try, so a failure that the user has seen must stay.
                failure = before.failure
                if before.in_doubt:
                    last = await work.attempts.last_of(before.id)
                    if last is not None and now < last.created_at + RECOVER_AFTER:
                        return before, Outcome(False, "the try may still be on its way to the vendor")
                    failure = _NOT_CHARGED
            secret, page = (state.client_secret, state.authorisation_url) if may_pay else (None, None)
            awaited = SealedAuthorisation(page) if page else None
            if state.status is None:
                awaited = before.authorisation
            await work.payments.save_intent(before.id, state.reference, client_secret=secret, awaited=awaited)
            is_new_page = awaited != before.authorisation
            before = replace(before, vendor_payment_id=state.reference, client_secret=secret, authorisation=awaited)
            status = state.status
            if status is Status.CANCELLED and self._is_overdue(before):
                status, failure = Status.EXPIRED, _OUT_OF_TIME
            after, event = before.apply(StatusUpdate(status, cause, now, failure)) if status else (before, None)
            changes = await self._relations.apply(work, before, state)
            if event is None and changes:
                after, event = before.with_event(changes[0].kind, cause, now)
            elif event is None and is_new_page and not before.status.is_final:
                # A version of its own: an answer that was asked for before the page cannot wipe it.
                after, event = before.with_event(PaymentEventKind.STATUS, cause, now)
            after = await self._recorder.save(work, before, after, event)
            if before.status in _ENDED_HERE and status is not None and not status.is_final:
                await self._enqueue_end(work, before, timedelta())
            await work.commit()
            if changes and after.status is before.status:
                return after, Outcome(True, f"{after.status} -> {'; '.join(change.text for change in changes)}")
            return after, outcome_of(after, event, before.status)

    async def _record_refund(self, payment: Payment, state: RefundState) -> None:
        async with self._work() as work:
            before = await work.payments.get(payment.user_id, payment.id)
            assert before is not None
            changes = await self._relations.apply_refunds(work, before, [state])
            for change in changes:
                after, event = before.with_event(change.kind, PaymentCause.VENDOR_REPLY, self._clock.now())
                await self._recorder.save(work, before, after, event)
            await work.commit()

    async def _refund(
        self, user_id: UserId, payment_id: PaymentId, refund_id: RefundId
    ) -> tuple[Payment | None, Refund | None]:
        async with self._read() as read:
            refunds = await read.refunds.by_ids(user_id, [refund_id])
            return await read.payments.get(user_id, payment_id), next(iter(refunds), None)

    def _is_overdue(self, payment: Payment) -> bool:
        return self._clock.now() >= payment.created_at + LIFETIME
