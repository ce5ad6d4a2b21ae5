"""Payments of which the bank has told no end for too long: operators and the user are told, once."""

from db.unit_of_work import Read
from domain.alert import Severity
from domain.clock import Clock, oslo_date
from domain.evidence import is_overdue
from domain.ids import PaymentId, UserId
from services.incidents import Incidents
from services.payments.record import PaymentRecorder


class OverduePayments:
    """Notes that no news comes of a payment, with the user's message; its status stays as it is."""

    def __init__(self, read: Read, recorder: PaymentRecorder, incidents: Incidents, clock: Clock) -> None:
        self._read = read
        self._recorder = recorder
        self._incidents = incidents
        self._clock = clock

    async def note(self, user_id: UserId, payment_id: PaymentId, *, is_read: bool) -> None:
        """Note it, once, if no news came for three banking days after the execution date. Commits. Safe to repeat.

        `is_read`: the bank has just told how the payment stands.
        """
        now = self._clock.now()
        async with self._read() as read:
            found = await read.payments.get(user_id, payment_id)
        if found is None or found.overdue_since is not None or not is_overdue(found, oslo_date(now), is_read=is_read):
            return
        after, event = await self._recorder.apply(found, lambda current: current.marked_overdue(now))
        if event is not None:
            message = f"{after.id} is {after.status}, and {after.vendor} tells no end of it (gateway payments doubts)"
            self._incidents.alert(Severity.WARNING, "Payment without news", message)
