"""Lines that a bank has withdrawn after they had shown a payment carried out, or its money returned."""

from typing import Final

import structlog

from db.unit_of_work import Read, Work, retry_on_stale
from domain.alert import Severity
from domain.bank_account import Transaction
from domain.clock import Clock
from domain.ids import AccountId
from domain.line_match import LineMatch
from domain.movements import of_withdrawn_line
from domain.payment import Payment
from domain.timeline import about
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer
from services.payments.record import PaymentRecorder

_AT_ONCE: Final = 1000
_log = structlog.get_logger()


class WithdrawnLines:
    """Undoes what such a line has told, and asks operators to find out what became of the money; no status moves."""

    def __init__(
        self,
        work: Work,
        read: Read,
        recorder: PaymentRecorder,
        notifications: NotificationComposer,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._recorder = recorder
        self._notifications = notifications
        self._incidents = incidents
        self._clock = clock

    async def note(self, account_id: AccountId) -> None:
        """Take what the account's statement lists no more, each line once. Commits for each line. Safe to repeat."""
        async with self._read() as read:
            found = await read.statements.withdrawn(account_id, _AT_ONCE)
            payments = await read.payments.by_end_to_end_ids({line.end_to_end_id or "" for line, _ in found})
        for line, was in found:
            payment = payments.get(line.end_to_end_id or "")
            if payment is None:
                await self._leave(line)
            elif await retry_on_stale(lambda line=line, was=was, payment=payment: self._note(line, was, payment)):  # type: ignore[misc]
                message = f"{payment.id}: the bank lists {line.id} ({was}) no more (gateway payments doubts)"
                self._incidents.alert(Severity.CRITICAL, "Statement line withdrawn", message)

    async def _leave(self, line: Transaction) -> None:
        """Take a line whose payment is gone: it tells nothing more."""
        async with self._work() as work:
            await work.statements.put_withdrawn(line)
            await work.commit()
        _log.warning("withdrawn_line_without_payment", transaction_id=line.id)

    async def _note(self, line: Transaction, was: LineMatch, payment: Payment) -> bool:
        """Whether the line was taken now. The payment is locked before the line is written."""
        about(payment.id, payment.user_id)
        now = self._clock.now()
        async with self._work() as work:
            before = await work.payments.get(payment.user_id, payment.id)
            assert before is not None
            if not await work.statements.put_withdrawn(line):
                return False
            await work.ledger.put(of_withdrawn_line(before, line, was, now))
            after, event = before.with_line_withdrawn(line.amount, now)
            await self._recorder.save(work, before, after, event)
            if was is LineMatch.RETURN:
                await self._notifications.return_withdrawn(work, after, line.amount)
            await work.commit()
        return True
