"""Lines of statements that bear our end-to-end ids, held against their payments, however those stand."""

from dataclasses import replace
from typing import Final

from db.statements import OddLine
from db.unit_of_work import Read, Work, retry_on_stale
from domain.alert import Severity
from domain.bank_account import BankAccount, Transaction
from domain.clock import Clock
from domain.ids import AccountId, TransactionId, UserId
from domain.ledger import is_made_good, standing
from domain.line_match import LineMatch, match, oddity, unknown_payment
from domain.movements import of_line
from domain.payment import Payment, PaymentCause, Status, StatusUpdate
from domain.timeline import about
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer
from services.payments.record import PaymentRecorder
from services.payments.withdrawn_lines import WithdrawnLines

# An account has far fewer new lines with an id between two readings.
_AT_ONCE: Final = 1000


class StatementMatching:
    """Settles what a bank has booked, notes what came back, and tells operators of what fits no payment."""

    def __init__(
        self,
        work: Work,
        read: Read,
        withdrawn: WithdrawnLines,
        recorder: PaymentRecorder,
        notifications: NotificationComposer,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._withdrawn = withdrawn
        self._recorder = recorder
        self._notifications = notifications
        self._incidents = incidents
        self._clock = clock

    async def match(self, user_id: UserId, account_id: AccountId) -> None:
        """Hold each new booked line of the account against its payment, and each that was withdrawn, once.

        Commits for each line. Safe to repeat.
        """
        await self._withdrawn.note(account_id)
        async with self._read() as read:
            account = await read.accounts.get(user_id, account_id)
            lines = await read.statements.unmatched(account_id, _AT_ONCE)
            payments = await read.payments.by_end_to_end_ids({line.end_to_end_id or "" for line in lines})
        if account is None:
            return
        foreign = [line for line in lines if line.end_to_end_id not in payments]
        async with self._work() as work:
            for line in foreign:
                await work.statements.put_match(line, LineMatch.FOREIGN, unknown_payment(line))
            await work.commit()
        for line in lines:
            payment = payments.get(line.end_to_end_id or "")
            if payment is not None:
                found = await retry_on_stale(lambda line=line, payment=payment: self._match(line, account, payment))  # type: ignore[misc]
                self._tell(line, payment, found)

    async def odd_lines(self, limit: int, *, before: TransactionId | None = None) -> list[OddLine]:
        """Lines of all users that fit no payment, newest first, older than `before`: for operators."""
        async with self._read() as read:
            return await read.statements.odd(limit, before)

    async def _match(self, line: Transaction, account: BankAccount, payment: Payment) -> LineMatch | None:
        """Take one line; None where it is taken already.

        The payment is locked before the line is written.
        """
        about(payment.id, payment.user_id)
        now = self._clock.now()
        async with self._work() as work:
            before = await work.payments.get(payment.user_id, payment.id)
            assert before is not None
            moved = await work.ledger.of_payment(before.id)
            others = [one for one in standing(moved) if one.vendor_object_id != line.id]
            found = match(before, line, account, others)
            why = oddity(before, line, account, others)
            if not await work.statements.put_match(line, found, why):
                return None
            entries = of_line(before, line, found)
            is_new = await work.ledger.put(entries)
            if found is LineMatch.DEBIT:
                bank_link = await work.bank_links.get(account.user_id, account.bank_link_id)
                if bank_link is not None:
                    await work.statements.put_gives_ids(account.bank_id, bank_link.vendor, now)
                after, event = before.apply(StatusUpdate(Status.SETTLED, PaymentCause.STATEMENT, now))
                if event is None and before.withdrawn_since is not None and is_made_good([*moved, *entries]):
                    after, event = before.with_line_listed_again(now)
                await self._recorder.save(work, before, after, event)
            elif found is LineMatch.RETURN and is_new:
                after, event = before.with_return(line.amount, line.booking_date, now)
                if is_made_good([*moved, *entries]):
                    after = replace(after, withdrawn_since=None)
                await self._recorder.save(work, before, after, event)
                await self._notifications.returned(work, after, line.amount)
            await work.commit()
        return None if found is LineMatch.RETURN and not is_new else found

    def _tell(self, line: Transaction, payment: Payment, found: LineMatch | None) -> None:
        if found is LineMatch.RETURN:
            message = f"{payment.id}: the payee's bank has sent money back, {line.id}"
            self._incidents.alert(Severity.WARNING, "Payment returned", message)
        elif found is LineMatch.ODD:
            message = f"{line.id} bears the reference of {payment.id} and does not fit it (gateway payments lines)"
            self._incidents.alert(Severity.CRITICAL, "Statement line fits no payment", message)
