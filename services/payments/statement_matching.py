"""Lines of statements that bear our end-to-end ids, held against their payments, however those stand."""

from typing import Final

from db.unit_of_work import Read, Work, retry_on_stale
from domain.alert import Severity
from domain.bank_account import BankAccount, Transaction
from domain.clock import Clock
from domain.ids import AccountId, UserId
from domain.line_match import LineMatch, match
from domain.payment import Payment, PaymentCause, Status, StatusUpdate
from domain.timeline import about
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer
from services.payments.record import PaymentRecorder

# An account has far fewer new lines with an id between two readings.
_AT_ONCE: Final = 1000


class StatementMatching:
    """Settles what a bank has booked, notes what came back, and tells operators of what fits no payment."""

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

    async def match(self, user_id: UserId, account_id: AccountId) -> None:
        """Hold each new booked line of the account against its payment, once. Commits for each line. Safe to repeat."""
        async with self._read() as read:
            account = await read.accounts.get(user_id, account_id)
            lines = await read.statements.unmatched(account_id, _AT_ONCE)
            payments = await read.payments.by_end_to_end_ids({line.end_to_end_id or "" for line in lines})
        if account is None:
            return
        foreign = [line for line in lines if line.end_to_end_id not in payments]
        async with self._work() as work:
            for line in foreign:
                await work.statements.put_match(line, LineMatch.FOREIGN)
            await work.commit()
        for line in lines:
            payment = payments.get(line.end_to_end_id or "")
            if payment is not None:
                found = await retry_on_stale(lambda line=line, payment=payment: self._match(line, account, payment))  # type: ignore[misc]
                self._tell(line, payment, found)

    async def _match(self, line: Transaction, account: BankAccount, payment: Payment) -> LineMatch | None:
        """Take one line; None where another process has taken it. The payment is locked before the line is written."""
        about(payment.id)
        now = self._clock.now()
        async with self._work() as work:
            before = await work.payments.get(payment.user_id, payment.id)
            assert before is not None
            was_debited = await work.statements.was_debited(line.account_id, before.end_to_end_id)
            found = match(before, line, account, was_debited=was_debited)
            if not await work.statements.put_match(line, found):
                return None
            if found is LineMatch.DEBIT:
                bank_link = await work.bank_links.get(account.user_id, account.bank_link_id)
                if bank_link is not None:
                    await work.statements.put_gives_ids(account.bank_id, bank_link.vendor, now)
                after, event = before.apply(StatusUpdate(Status.SETTLED, PaymentCause.STATEMENT, now))
                await self._recorder.save(work, before, after, event)
            elif found is LineMatch.RETURN:
                after, event = before.with_return(line.amount, line.booking_date, now)
                await self._recorder.save(work, before, after, event)
                await self._notifications.returned(work, after, line.amount)
            await work.commit()
        return found

    def _tell(self, line: Transaction, payment: Payment, found: LineMatch | None) -> None:
        if found is LineMatch.RETURN:
            message = f"{payment.id}: the payee's bank has sent money back, {line.id}"
            self._incidents.alert(Severity.WARNING, "Payment returned", message)
        elif found is LineMatch.ODD:
            message = f"{line.id} bears the reference of {payment.id} and is not its debit: nothing was changed"
            self._incidents.alert(Severity.CRITICAL, "Statement line fits no payment", message)
