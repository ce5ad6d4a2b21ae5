"""Payments that their bank has forgotten."""

from dataclasses import replace
from typing import Final

from db.unit_of_work import Work, retry_on_stale
from domain.clock import Clock, oslo_date
from domain.forgotten_payment import Conclusion, concluded, conclusion, is_watched
from domain.outcome import Outcome
from domain.payment import Failure, FailureCode, Payment, PaymentCause, PaymentEvent, Status
from providers.open_banking.port import PaymentForgotten
from services.payments.in_doubt import InDoubtPayments
from services.payments.record import PaymentRecorder

_LINK_RAN_OUT: Final = Failure(FailureCode.AUTHORISATION_EXPIRED)


class ForgottenPayments:
    """Concludes what may be concluded from a bank that does not know a payment any more, and has its statement read."""

    def __init__(self, work: Work, in_doubt: InDoubtPayments, recorder: PaymentRecorder, clock: Clock) -> None:
        self._work = work
        self._in_doubt = in_doubt
        self._recorder = recorder
        self._clock = clock

    def is_watched(self, payment: Payment) -> bool:
        """Whether the payment's end was inferred, and the money may still move."""
        return is_watched(payment, oslo_date(self._clock.now()))

    async def note(self, payment: Payment, forgotten: PaymentForgotten) -> Outcome:
        """Take the bank's answer that it does not know the payment. Gives what that changed. Commits."""
        after, event = await retry_on_stale(lambda: self._note(payment, forgotten))
        if after.in_doubt or self.is_watched(after):
            return await self._in_doubt.look_for(after, is_news=event is not None)
        if event is None:
            return Outcome(False, f"the bank does not know it, asked {after.unknown_asks} times")
        return Outcome(True, f"the bank has forgotten it: {payment.status} -> {after.status}")

    async def _note(self, payment: Payment, forgotten: PaymentForgotten) -> tuple[Payment, PaymentEvent | None]:
        now = self._clock.now()
        async with self._work() as work:
            found = await work.payments.get(payment.user_id, payment.id)
            assert found is not None
            noted = replace(
                found,
                sca=forgotten.sca or found.sca,
                unknown_since=found.unknown_since or now,
                unknown_asks=found.unknown_asks + 1,
            )
            await work.payments.save_unknown(noted)
            after, event = self._concluded(noted, is_expired=forgotten.is_expired)
            after = await self._recorder.save(work, noted, after, event)
            await work.commit()
            return after, event

    def _concluded(self, payment: Payment, *, is_expired: bool) -> tuple[Payment, PaymentEvent | None]:
        now = self._clock.now()
        if payment.status.is_final:
            return payment, None
        match conclusion(payment, now, is_expired=is_expired):
            case Conclusion.WAIT:
                return payment, None
            case Conclusion.IN_DOUBT:
                return payment.marked_in_doubt(now, asked_in=payment.status, cause=PaymentCause.VENDOR_READ)
            case Conclusion.EXPIRED:
                return concluded(payment, Status.EXPIRED, _LINK_RAN_OUT, now)
