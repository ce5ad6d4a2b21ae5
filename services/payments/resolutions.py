"""Ending a payment's doubt as an operator says: by one operator, or by one who proposes and another who approves."""

from collections.abc import Mapping, Sequence

from db.unit_of_work import Read, Work, retry_on_stale
from domain.audit import acting_operator
from domain.clock import Clock
from domain.errors import InvalidState, NotFound
from domain.ids import PaymentId
from domain.operator import ANYONE
from domain.payment import Payment
from domain.resolution import Resolution, require_named
from services.payments.in_doubt import InDoubtPayments, outcome_said, require_in_doubt, require_reason


class Resolutions:
    """`needs_two`: what one operator says is a proposal, and counts once another one has approved it."""

    def __init__(self, work: Work, read: Read, in_doubt: InDoubtPayments, clock: Clock, *, needs_two: bool) -> None:
        self._work = work
        self._read = read
        self._in_doubt = in_doubt
        self._clock = clock
        self._needs_two = needs_two

    async def say(self, payment_id: PaymentId, outcome: str, reason: str) -> tuple[Payment, Resolution | None]:
        """End the doubt, or propose to, in place of what was proposed before. Gives the proposal where it is one.

        Raises NotFound, InvalidState, InvalidInput, Forbidden, ProviderUnavailable.
        """
        said = outcome_said(outcome)
        require_reason(reason)
        payment = await self._find(payment_id)
        if not self._needs_two:
            return await self._in_doubt.resolve(payment, said, reason), None
        operator, now = acting_operator.get() or ANYONE, self._clock.now()
        require_named(operator)
        require_in_doubt(payment, said, now)
        proposal = Resolution(payment.id, said, reason.strip(), payment.version, operator, now)
        # Two who propose at once: the later one counts.
        await retry_on_stale(lambda: self._put(payment, proposal))
        return payment, proposal

    async def _put(self, payment: Payment, proposal: Resolution) -> None:
        async with self._work() as work:
            await work.resolutions.put(proposal)
            work.audit.record(
                "payment_resolution_proposed",
                proposal.proposed_at,
                user_id=payment.user_id,
                object_id=payment.id,
                detail={"outcome": proposal.outcome, "reason": proposal.reason},
            )
            await work.commit()

    async def approve(self, payment_id: PaymentId, outcome: str) -> Payment:
        """End the doubt as another operator has proposed; the outcome is named again, as that may be another by now.

        Raises NotFound, InvalidState, InvalidInput, Forbidden, ProviderUnavailable.
        """
        said = outcome_said(outcome)
        payment = await self._find(payment_id)
        proposal = (await self.of([payment])).get(payment.id)
        if proposal is None:
            raise InvalidState("Nothing is proposed of this payment: resolve it first.", field=("payment",))
        proposal.require_approver(acting_operator.get() or ANYONE, said)
        return await self._in_doubt.resolve(payment, said, proposal.reason, proposal=proposal)

    async def of(self, payments: Sequence[Payment]) -> Mapping[PaymentId, Resolution]:
        """What is proposed of each."""
        async with self._read() as read:
            return await read.resolutions.of([payment.id for payment in payments])

    async def _find(self, payment_id: PaymentId) -> Payment:
        async with self._read() as read:
            payment = await read.payments.find(payment_id)
        if payment is None:
            raise NotFound("There is no such payment.", field=("payment",))
        return payment
