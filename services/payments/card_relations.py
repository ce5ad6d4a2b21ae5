"""What the card vendor reports beside a payment's status: its refunds and disputes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from db.ids import new_id
from db.unit_of_work import UnitOfWork
from domain import ids
from domain.alert import Severity
from domain.clock import Clock
from domain.dispute import Dispute, DisputeStatus
from domain.ids import DisputeId, RefundId
from domain.ledger import EntryKind
from domain.movements import of_dispute, of_refund
from domain.payment import Payment, PaymentEventKind
from domain.refund import Refund, RefundStatus
from providers.card_payments.port import DisputeState, IntentState, RefundState
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer


class Change(NamedTuple):
    """What the vendor reports beside the status; `text` is for operators."""

    kind: PaymentEventKind
    text: str


class CardRelations:
    """Applies what the card vendor reports of a payment's refunds and disputes, within the caller's transaction."""

    def __init__(self, notifications: NotificationComposer, incidents: Incidents, clock: Clock) -> None:
        self._notifications = notifications
        self._incidents = incidents
        self._clock = clock

    async def apply(self, work: UnitOfWork, payment: Payment, state: IntentState) -> list[Change]:
        """Apply the refunds and disputes of the vendor's answer. Gives what they changed."""
        changes = await self.apply_refunds(work, payment, state.refunds)
        if state.disputes:
            stored = {one.vendor_dispute_id: one for one in await work.refunds.disputes_of_one(payment.id)}
            for dispute in state.disputes:
                change = await self._apply_dispute(work, payment, dispute, stored.get(dispute.reference))
                changes += [change] if change is not None else []
        return changes

    async def apply_refunds(self, work: UnitOfWork, payment: Payment, states: Sequence[RefundState]) -> list[Change]:
        """Apply refunds alone. Gives what they changed."""
        if not states:
            return []
        ours = [state.refund_id for state in states if state.refund_id is not None]
        references = [state.reference for state in states if state.reference is not None]
        stored = await work.refunds.matching(payment.id, ours, references)
        # A try that lacked funds says nothing of a refund of which the vendor has another.
        made = {state.refund_id for state in states if state.refund_id and not state.lacks_funds}
        changes = []
        for state in (one for one in states if not (one.lacks_funds and one.refund_id in made)):
            known = next((one for one in stored if _is_same(one, state)), None)
            changes.append(await self._apply_refund(work, payment, state, known))
        return [change for change in changes if change is not None]

    async def _apply_refund(
        self, work: UnitOfWork, payment: Payment, state: RefundState, known: Refund | None
    ) -> Change | None:
        now = self._clock.now()
        if known is None:
            # The refund was made in the vendor's own dashboard.
            made = Refund(RefundId(new_id(ids.REFUND, now)), payment.id, state.amount, now, now)
            known, is_new = replace(made, vendor_refund_id=state.reference), True
        else:
            is_new = False
        if state.lacks_funds and known.status is RefundStatus.PENDING and not is_new:
            await self._wait_for_funds(work, payment, state, known)
            return None
        updated = known.apply(state.status, state.reference, state.failure, now)
        if updated == known and not is_new:
            return None
        await work.refunds.put(updated, payment.user_id)
        if is_new or updated.status is not known.status:
            recorded = await work.ledger.kinds_of(updated.id)
            await work.ledger.put(of_refund(updated, payment.vendor, now, recorded))
        if updated.status is not known.status:
            await self._notifications.refund(work, payment, updated)
        if known.status is RefundStatus.FAILED and updated.status is not RefundStatus.FAILED:
            message = f"{known.id} of {payment.id} had failed here, and the vendor has it as {updated.status}"
            self._incidents.alert(Severity.CRITICAL, "Refund made after its end", message)
        if not is_new and updated.status is known.status:
            return None
        return Change(PaymentEventKind.REFUND, f"refund {updated.status}")

    async def _wait_for_funds(self, work: UnitOfWork, payment: Payment, state: RefundState, known: Refund) -> None:
        if known.vendor_refund_id not in (None, state.reference):
            return  # an earlier try, after which another was sent
        if state.reference is not None:
            await work.refunds.put(known.awaiting_funds(self._clock.now()), payment.user_id)
        message = f"{known.id} of {payment.id} waits: pay into the balance at the card vendor, and it is sent again"
        self._incidents.alert(Severity.CRITICAL, "Refund lacks funds", message)

    async def _apply_dispute(
        self, work: UnitOfWork, payment: Payment, state: DisputeState, known: Dispute | None
    ) -> Change | None:
        now = self._clock.now()
        identifier = known.id if known else DisputeId(new_id(ids.DISPUTE, now))
        # A new dispute whose status is not known is open: its money is not ours to give back.
        unmoved = known.status if known else DisputeStatus.UNDER_REVIEW
        updated = Dispute(
            id=identifier,
            payment_id=payment.id,
            vendor_dispute_id=state.reference,
            status=state.status or unmoved,
            amount=state.amount,
            reason=state.reason,
            evidence_due_by=state.evidence_due_by,
            created_at=known.created_at if known else now,
        )
        if updated == known or (known is not None and not known.may_become(updated.status)):
            return None
        recorded = await work.ledger.kinds_of(updated.id)
        if updated.status is DisputeStatus.LOST and EntryKind.DISPUTE_REVERSED in recorded:
            # Its money has left and come back: an older answer says this, too.
            message = f"{state.reference} of {payment.id} was won after it was lost: see who has its money now"
            self._incidents.alert(Severity.CRITICAL, "Dispute lost again", message)
            return None
        await work.refunds.put_dispute(updated)
        await work.ledger.put(of_dispute(updated, payment.vendor, now, recorded))
        return Change(PaymentEventKind.DISPUTE, f"dispute {updated.status}")


def _is_same(known: Refund, state: RefundState) -> bool:
    return state.refund_id == known.id or (state.reference is not None and state.reference == known.vendor_refund_id)
