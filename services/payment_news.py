"""What a bank reports of payments: one path for the reply, the return, the webhook and the reconciliation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from db.events import Told
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.event import EventKind
from domain.ids import PaymentId, UserId
from domain.payment import Failure, FailureCode, News, Payment, PaymentEvent, Status
from domain.snapshot import payment_fields
from providers.open_banking.port import PaymentInitiation, PaymentState
from providers.vendors import Vendors

ASK_BANK: Final = "ask_bank"
REFRESH_ACCOUNT: Final = "refresh_account"
RECOVER_AFTER: Final = timedelta(seconds=60)
_LAST_PAUSE: Final = timedelta(hours=6)
_log = structlog.get_logger()

Step = Callable[[Payment], tuple[Payment, PaymentEvent | None]]


class PaymentNews:
    def __init__(self, work: Work, read: Read, vendors: Vendors[PaymentInitiation], clock: Clock) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._clock = clock

    async def refresh(self, user_id: UserId, payment_id: PaymentId, cause: str) -> str:
        """Ask the bank and take its word; says what that did. Raises Unavailable."""
        async with self._read() as read:
            payment = await read.payments.get(user_id, payment_id)
        if payment is None:
            return "the payment is gone"
        state = await self._ask(payment)
        if state is None:
            return await self._take_silence(payment, cause)
        return await self.take(payment, state, cause)

    async def ask_bank(self, user_id: UserId, payment_id: PaymentId, pause_s: float) -> None:
        """The net under everything: ask on a growing interval until the payment is final."""
        await self.refresh(user_id, payment_id, "reconciliation")
        async with self._work() as work:
            payment = await work.payments.get(user_id, payment_id)
            if payment is not None and not payment.status.is_final:
                self.enqueue_ask(work, payment, min(timedelta(seconds=pause_s * 2), _LAST_PAUSE))
                await work.commit()

    async def take(self, payment: Payment, state: PaymentState, cause: str) -> str:
        """Store the bank's reference whatever the status is by now, and learn its news."""
        failure = state.failure if state.status in _WITH_FAILURE else None

        def learn(current: Payment) -> tuple[Payment, PaymentEvent | None]:
            return current.learn(News(state.status, cause, self._clock.now(), failure))

        before, after = await retry_on_stale(lambda: self._step(payment, learn, state))
        if before.version == after.version:
            return f"the payment is {before.status} already"
        return f"{before.status} -> {after.status}"

    async def step(self, payment: Payment, step: Step) -> Payment:
        """Take one step of the domain and keep it with its event."""
        _, after = await retry_on_stale(lambda: self._step(payment, step, None))
        return after

    def enqueue_ask(self, work: UnitOfWork, payment: Payment, pause: timedelta) -> None:
        now = self._clock.now()
        payload = {"user_id": payment.user_id, "payment_id": payment.id, "pause_s": pause.total_seconds()}
        work.jobs.enqueue(ASK_BANK, payload, due_at=now + pause, now=now)

    def tell(self, work: UnitOfWork, payment: Payment) -> None:
        fields = payment_fields(payment)
        work.tell(Told(payment.user_id, EventKind.PAYMENT, payment.id, fields, self._clock.now()))

    async def _ask(self, payment: Payment) -> PaymentState | None:
        vendor = self._vendors[payment.vendor]
        if payment.vendor_payment_id is not None:
            return await vendor.status(payment.vendor_payment_id)
        return await vendor.look_up(payment.end_to_end_id)

    async def _take_silence(self, payment: Payment, cause: str) -> str:
        # Younger than this, the initiation may still be on its way to the bank.
        if self._clock.now() < payment.created_at + RECOVER_AFTER:
            return "the bank has not heard of it yet"
        failure = Failure(FailureCode.PROVIDER_UNAVAILABLE, "The payment never reached the bank. You can pay again.")
        news = News(Status.FAILED, cause, self._clock.now(), failure)
        after = await self.step(payment, lambda current: current.learn(news))
        return f"the bank never heard of it: {after.status}"

    async def _step(self, payment: Payment, step: Step, state: PaymentState | None) -> tuple[Payment, Payment]:
        async with self._work() as work:
            if state is not None and state.reference and state.status is not Status.REJECTED:
                await work.payments.save_reply(payment.id, state.reference, state.authorisation_url)
            before = await work.payments.get(payment.user_id, payment.id)
            assert before is not None
            after, event = step(before)
            if event is not None:
                await work.payments.save(before, after, event)
                self.tell(work, after)
                self._follow_up(work, before, after)
            await work.commit()
            return before, after

    def _follow_up(self, work: UnitOfWork, before: Payment, after: Payment) -> None:
        if after.status is Status.SETTLED:
            now = self._clock.now()
            payload = {"user_id": after.user_id, "account_id": after.debtor_account_id}
            work.jobs.enqueue(REFRESH_ACCOUNT, payload, due_at=now, now=now)
        if before.status.is_final:
            _log.critical("payment_settled_after_our_end", payment_id=after.id, was=before.status)


_WITH_FAILURE: Final = frozenset({Status.REJECTED, Status.EXPIRED, Status.FAILED})


def without_page(payment: Payment) -> Payment:
    """A payment whose approval page is of no more use."""
    return payment if payment.status is Status.AUTHORISATION_REQUIRED else replace(payment, authorisation_url=None)
