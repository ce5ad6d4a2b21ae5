"""What a bank reports of payments: one path for the reply, the return, the webhook and the reconciliation."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.authorisation import SealedAuthorisation
from domain.clock import Clock
from domain.device import Device
from domain.errors import CannotTell, Unavailable
from domain.forgotten_payment import concluded
from domain.ids import PaymentId, UserId
from domain.job import Job
from domain.outcome import Outcome
from domain.payment import FINAL, CancellationStatus, Payment, PaymentCause, PaymentEvent, Status, StatusUpdate
from domain.timeline import about
from providers.open_banking.port import PaymentForgotten, PaymentInitiation, PaymentState
from providers.vendors import Vendors
from services.authorisations import WATCH_PAUSE, WATCHED, Authorisations
from services.backoff import LONGEST
from services.payments.bank_access import BankAccess
from services.payments.forgotten import ForgottenPayments
from services.payments.in_doubt import NEVER_REACHED, InDoubtPayments
from services.payments.overdue import OverduePayments
from services.payments.record import PaymentRecorder, Step, outcome_of
from services.status_sync import StatusSync
from services.users.kyc import may_still_pay

RECOVER_AFTER: Final = timedelta(seconds=60)
# Asked about so often: a scheduled payment, which can only be cancelled before its day, and an end that was inferred.
_ONCE_A_DAY: Final = timedelta(days=1)
_TOLD_UNPAID: Final = FINAL - {Status.SETTLED}
_WITH_FAILURE: Final = frozenset({Status.REJECTED, Status.EXPIRED, Status.FAILED})


@dataclass(frozen=True, slots=True)
class AskBank(Job):
    """Ask the bank how a payment stands, and again after a longer pause until it is final."""

    kind: ClassVar[str] = "ask_bank"
    user_id: UserId
    payment_id: PaymentId
    pause_s: float

    @property
    def row_id(self) -> str:
        return self.payment_id


@dataclass(frozen=True, slots=True)
class WatchApproval(Job):
    """Ask the bank in short steps while a user approves without a page. `until` is a time in ISO 8601."""

    kind: ClassVar[str] = "watch_bank_approval"
    user_id: UserId
    payment_id: PaymentId
    until: str


class BankStatusSync(StatusSync[Payment, PaymentId]):
    """Asks the bank how a payment stands, after a return, a webhook or by a job, and applies the answer."""

    name = "payment"

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[PaymentInitiation],
        access: BankAccess,
        in_doubt: InDoubtPayments,
        forgotten: ForgottenPayments,
        overdue: OverduePayments,
        recorder: PaymentRecorder,
        authorisations: Authorisations,
        clock: Clock,
    ) -> None:
        super().__init__(work, read, clock)
        self._vendors = vendors
        self._access = access
        self._in_doubt = in_doubt
        self._forgotten = forgotten
        self._overdue = overdue
        self._recorder = recorder
        self._authorisations = authorisations

    async def apply(self, payment: Payment, state: PaymentState, cause: PaymentCause) -> Outcome:
        """Apply the bank's status. The bank's reference is stored even if the status comes too late. Commits.

        An end that the bank has told itself is watched no more.
        """
        failure = state.failure if state.status in _WITH_FAILURE else None
        was = payment.status
        awaited = self._authorisations.newly_awaited(payment.authorisation, state.authorisation)

        def update(current: Payment) -> tuple[Payment, PaymentEvent | None]:
            nonlocal was
            was = current.status
            if state.status is None:
                return current, None
            is_open = state.status is Status.AUTHORISATION_REQUIRED
            # The bank has the payment, and the user was shown no approval of it: that does not end the doubt.
            if is_open and current.in_doubt and current.authorisation is None:
                return current, None
            if state.is_inferred:
                return concluded(current, state.status, failure, self._clock.now())
            return current.apply(StatusUpdate(state.status, cause, self._clock.now(), failure))

        async def save_reply(work: UnitOfWork) -> None:
            if state.status in _TOLD_UNPAID and not state.is_inferred:
                await work.payments.end_watch(payment.id)
            if not state.reference:
                return
            may_show = state.status is not Status.AUTHORISATION_REQUIRED or await self.may_approve(
                work, payment, awaited
            )
            shown = awaited if may_show else None
            await work.payments.save_reply(payment.id, state.reference, shown, state.sca)
            if shown is not None and shown.is_decoupled:
                await self._show(work, payment, shown)

        after, event = await self._recorder.apply(payment, update, also=save_reply)
        if state.status is None:
            return Outcome(False, "the bank sends a status that is not known")
        return outcome_of(after, event, was)

    async def may_approve(self, work: UnitOfWork, payment: Payment, awaited: SealedAuthorisation | None) -> bool:
        """Whether what the bank newly awaits may be shown, within the transaction that stores the bank's answer."""
        is_new = awaited is not None or payment.vendor_payment_id is None
        return not is_new or await may_still_pay(work, payment.user_id, self._clock.now())

    async def _show(self, work: UnitOfWork, payment: Payment, awaited: SealedAuthorisation) -> None:
        """Push what a decoupled approval shows now, and ask until it is given, within the caller's transaction."""
        if payment.is_approved_elsewhere:
            self._recorder.publish(work, await self._held(work, payment))
        elif self._authorisations.opened_choice(awaited) is None:
            self.enqueue_watch(work, payment, awaited)

    async def _held(self, work: UnitOfWork, payment: Payment) -> Payment:
        """The payment as the caller's transaction has it."""
        current = await work.payments.get(payment.user_id, payment.id)
        assert current is not None
        return current

    def enqueue_watch(self, work: UnitOfWork, payment: Payment, awaited: SealedAuthorisation) -> None:
        """Queue the asks that go on while the user approves without a page, within the caller's transaction."""
        now = self._clock.now()
        until = awaited.expires_at or now + WATCHED
        job = WatchApproval(payment.user_id, payment.id, until.isoformat())
        work.jobs.enqueue(job, due_at=now + WATCH_PAUSE, now=now)

    async def ask_again(self, user_id: UserId, object_id: PaymentId, pause_s: float) -> None:
        """Ask, and again after a longer pause until final. What has ended meanwhile is not asked about. Commits.

        A payment of which the bank tells no end, or whose bank does not answer at all, is noted as overdue.
        """
        if await self._may_move(user_id, object_id):
            is_read = False
            try:
                await super().ask_again(user_id, object_id, pause_s)
                is_read = True
            finally:
                await self._overdue.note(user_id, object_id, is_read=is_read)

    async def _may_move(self, user_id: UserId, payment_id: PaymentId) -> bool:
        async with self._read() as read:
            found = await read.payments.get(user_id, payment_id)
        return found is not None and not self._is_final(found)

    async def watch(self, user_id: UserId, payment_id: PaymentId, until: str) -> None:
        """Ask while the user approves without a page, each two seconds. A bank that is away is asked again."""
        if not await self._may_move(user_id, payment_id):
            return
        with suppress(Unavailable):
            await self.refresh(user_id, payment_id, PaymentCause.VENDOR_READ)
        now = self._clock.now()
        async with self._work() as work:
            found = await work.payments.get(user_id, payment_id)
            if found is None or not found.is_approved_elsewhere or now >= datetime.fromisoformat(until):
                return
            work.jobs.enqueue(WatchApproval(user_id, payment_id, until), due_at=now + WATCH_PAUSE, now=now)
            await work.commit()

    async def note_forgotten(self, payment: Payment, forgotten: PaymentForgotten) -> Payment:
        """Take the bank's answer to another question that it does not know the payment. Commits."""
        await self._forgotten.note(payment, forgotten)
        return await self.current(payment)

    async def step(self, payment: Payment, step: Step) -> Payment:
        """Apply one step of the domain to the payment, and save it with its event. Commits."""
        after, _ = await self._recorder.apply(payment, step)
        return after

    async def _load(self, queries: Queries, user_id: UserId, object_id: PaymentId) -> Payment | None:
        return await queries.payments.get(user_id, object_id)

    async def refresh_for(self, payment: Payment, device: Device) -> Outcome:
        """As `refresh`, for a user who is back from the bank with that device. Raises Unavailable."""

        async def attempt() -> Outcome:
            return await self._ask_with(await self.current(payment), PaymentCause.USER_RETURNED, device)

        return await retry_on_stale(attempt)

    async def _ask(self, found: Payment, cause: PaymentCause) -> Outcome:
        return await self._ask_with(found, cause, None)

    async def _ask_with(self, found: Payment, cause: PaymentCause, device: Device | None) -> Outcome:
        about(found.id, found.user_id)
        try:
            state = await self._state_of(found, device)
        except CannotTell:
            return await self._resolve_by_evidence(found)
        except PaymentForgotten as forgotten:
            return await self._forgotten.note(found, forgotten)
        if state is None:
            return await self._apply_silence(found)
        outcome = await self.apply(found, state, cause)
        outcome = await self._look_on(found, outcome, is_last=state.is_last)
        if found.cancellation_status is CancellationStatus.AUTHORISATION_REQUIRED and not found.status.is_final:
            return await self._ask_cancellation(found, cause) or outcome
        return outcome

    async def _look_on(self, found: Payment, outcome: Outcome, *, is_last: bool) -> Outcome:
        """After the bank's answer: look into the account's statement where the bank is not going to tell the end."""
        current = await self.current(found)
        is_watched = self._forgotten.is_watched(current)
        if not is_watched and not await self._in_doubt.is_left_to_statement(current, is_last=is_last):
            return outcome
        return await self._in_doubt.look_for(current, is_news=outcome.changed)

    async def _ask_cancellation(self, found: Payment, cause: PaymentCause) -> Outcome | None:
        """Whether the cancellation that awaits the user's approval was refused, and what that approval shows now.

        A bank that does not tell is asked again with the next status, which was read without it.
        """
        assert found.vendor_payment_id is not None
        try:
            access = await self._access.of(found, found.vendor_payment_id)
            state = await self._vendors[found.vendor].cancellation_state(access)
        except Unavailable:
            return None
        if state.is_refused:
            now = self._clock.now()
            _, event = await self._recorder.apply(found, lambda current: current.with_cancellation_refused(cause, now))
            return Outcome(True, "the cancellation was refused") if event is not None else None
        shown = self._authorisations.newly_awaited(found.cancellation_authorisation, state.shown)
        if shown is not None:
            async with self._work() as work:
                await work.payments.save_cancellation(found.id, shown)
                self._recorder.publish(work, await self._held(work, found))
                await work.commit()
        return None

    def _job(self, asked: Payment, pause_s: float) -> AskBank:
        return AskBank(asked.user_id, asked.id, pause_s)

    def _is_final(self, found: Payment) -> bool:
        return found.status.is_final and not self._forgotten.is_watched(found)

    def _longest_pause(self, found: Payment) -> timedelta:
        is_rare = found.status is Status.SCHEDULED or self._forgotten.is_watched(found)
        return _ONCE_A_DAY if is_rare else LONGEST

    async def _state_of(self, payment: Payment, device: Device | None) -> PaymentState | None:
        vendor = self._vendors[payment.vendor]
        if payment.vendor_payment_id is not None:
            return await vendor.status(await self._access.of(payment, payment.vendor_payment_id, device))
        return await vendor.look_up(await self._access.bank_of(payment), payment.end_to_end_id)

    async def _resolve_by_evidence(self, payment: Payment) -> Outcome:
        if self._forgotten.is_watched(payment):
            return await self._in_doubt.look_for(payment)
        if payment.status.is_final:
            return Outcome(False, f"the payment is {payment.status} already")
        if self._is_young(payment):
            return Outcome(False, "it is on its way to the bank")
        return await self._in_doubt.resolve_by_evidence(payment)

    def _is_young(self, payment: Payment) -> bool:
        """Whether the initiation may still be on its way to the bank."""
        return self._clock.now() < payment.created_at + RECOVER_AFTER

    async def _apply_silence(self, payment: Payment) -> Outcome:
        if self._is_young(payment):
            return Outcome(False, "the bank has not heard of it yet")
        now = self._clock.now()
        after, event = await self._recorder.apply(
            payment, lambda current: concluded(current, Status.FAILED, NEVER_REACHED, now)
        )
        return Outcome(event is not None, f"the bank never heard of it: {after.status}")
