"""Payments whose outcome is not known: evidence tells it, or an operator who has evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from db.unit_of_work import Queries, Read, UnitOfWork, Work
from domain.bank_account import Transaction
from domain.clock import Clock, oslo_date
from domain.consent import names_matching
from domain.errors import InvalidInput, InvalidState
from domain.evidence import PAGE_LIVES, Waiting, is_left_to_statement, waits_for
from domain.forgotten_payment import concluded, is_watched
from domain.ids import AccountId, BankId
from domain.outcome import Outcome
from domain.payment import Failure, FailureCode, Payment, PaymentCause, PaymentEvent, Rail, Status, StatusUpdate
from domain.resolution import Resolution
from domain.timeline import about
from services.banks.accounts import Accounts
from services.payments.card_status import CardStatusSync
from services.payments.record import PaymentRecorder
from services.payments.statement_matching import StatementMatching

# While a doubt waits, its account is read once a day: those readings are shared with all else (PSD2: four a day).
_READ_EVERY: Final = timedelta(hours=20)
_SHOWN: Final = 10
_OUTCOMES: Final = (Status.SETTLED, Status.FAILED)
NEVER_REACHED: Final = Failure(FailureCode.PROVIDER_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A payment of which operators have to find out, and what its account's statement tells of it.

    It is in doubt or overdue, a line of it was withdrawn, or its end was inferred and its account cannot be read.

    `waiting` says why its absence proves nothing yet; `like_debits` are lines that may be its debit. `has_consent`: an
    active consent covers the account, and its text names this use.

    `waiting` is None where no statement is waited for: on the card rail, and of an end that is not watched.
    """

    payment: Payment
    waiting: Waiting | None = None
    has_consent: bool = False
    like_debits: Sequence[Transaction] = ()


class InDoubtPayments:
    """Payments whose outcome is not known: resolved by evidence, or by an operator whose reason is audited."""

    def __init__(
        self,
        work: Work,
        read: Read,
        accounts: Accounts,
        matching: StatementMatching,
        card_status: CardStatusSync,
        recorder: PaymentRecorder,
        gives_ids: Callable[[BankId], bool],
        tells_end: Callable[[BankId], bool],
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._accounts = accounts
        self._matching = matching
        self._card_status = card_status
        self._recorder = recorder
        self._gives_ids = gives_ids
        self._tells_end = tells_end
        self._clock = clock

    async def oldest(self, limit: int) -> Sequence[Doubt]:
        """Payments in doubt, overdue, withdrawn or watched in vain, oldest first, with what is known of each."""
        async with self._read() as read:
            payments = read.payments
            listed = (
                await payments.in_doubt(limit),
                await payments.overdue(limit),
                await payments.withdrawn(limit),
                await payments.watched_unread(oslo_date(self._clock.now()), limit),
            )
            found = {payment.id: payment for payment in chain(*listed)}.values()
            oldest = sorted(found, key=lambda payment: payment.id)[:limit]
            weighed = [await self._weighed(read, payment) for payment in oldest]
        return [doubt if self._is_waited_for(doubt.payment) else replace(doubt, waiting=None) for doubt in weighed]

    def _is_waited_for(self, payment: Payment) -> bool:
        return not payment.status.is_final or is_watched(payment, oslo_date(self._clock.now()))

    async def is_left_to_statement(self, payment: Payment, *, is_last: bool) -> bool:
        """Whether the bank has taken the payment and is not going to tell its end (`domain/evidence.py`).

        `is_last`: it has said that it sends no more reports.
        """
        today = oslo_date(self._clock.now())
        # Whatever the bank tells, most payments are not left to the statement, and their account need not be read.
        if payment.debtor_account_id is None or not is_left_to_statement(payment, today, tells_end=False):
            return False
        async with self._read() as read:
            account = await read.accounts.get(payment.user_id, payment.debtor_account_id)
        assert account is not None
        return is_left_to_statement(payment, today, tells_end=not is_last and self._tells_end(account.bank_id))

    async def resolve_by_evidence(self, payment: Payment) -> Outcome:
        """End the doubt by the account's statement, for a bank that cannot look a payment up. Gives what that changed.

        A payment that the bank has booked is settled. One that is absent has failed where that proves something
        (`domain/evidence.py`); else it stays in doubt, is looked for again, and an operator can end it.
        """
        assert payment.debtor_account_id is not None
        settled = await self._settled(payment, payment.debtor_account_id)
        if settled is not None:
            return settled
        after, event = await self._recorder.apply(payment, lambda current: current.marked_in_doubt(self._clock.now()))
        if self._clock.now() < payment.created_at + PAGE_LIVES:
            return Outcome(event is not None, "in doubt: it could still be approved")
        return await self.look_for(after, is_news=event is not None)

    async def look_for(self, payment: Payment, *, is_news: bool = False) -> Outcome:
        """Settle a payment that its account's statement shows, read without the user; end a doubt by its absence.

        `is_news` says whether the caller has changed the payment already. Gives what that changed.
        """
        assert payment.debtor_account_id is not None
        if await self._is_reading_due(payment, payment.debtor_account_id):
            if not await self._accounts.read_for_matching(payment.user_id, payment.debtor_account_id):
                return Outcome(is_news, f"{payment.status}: the account cannot be read for it")
            settled = await self._settled(payment, payment.debtor_account_id)
            if settled is not None:
                return settled
        if not payment.in_doubt:
            return Outcome(is_news, f"{payment.status}: not booked so far")
        async with self._read() as read:
            doubt = await self._weighed(read, payment)
        if doubt.waiting is not None:
            return Outcome(is_news, f"in doubt: {doubt.waiting}")
        now = self._clock.now()
        after, event = await self._recorder.apply(
            payment, lambda current: concluded(current, Status.FAILED, NEVER_REACHED, now)
        )
        return Outcome(event is not None, f"the statement does not show it: {after.status}")

    async def is_absent(self, payment: Payment) -> bool:
        """Whether the account's stored statement proves that the bank has not booked the payment."""
        async with self._read() as read:
            doubt = await self._weighed(read, payment)
        return payment.debtor_account_id is not None and doubt.waiting is None

    async def _is_reading_due(self, payment: Payment, account_id: AccountId) -> bool:
        """The first reading when no approval can come any more, then one a day."""
        async with self._read() as read:
            last = await read.accounts.last_reading(account_id)
        now = self._clock.now()
        return last is None or last.began < max(payment.created_at + PAGE_LIVES, now - _READ_EVERY)

    async def _weighed(self, read: Queries, payment: Payment) -> Doubt:
        """The doubt as the stored statement has it."""
        if payment.debtor_account_id is None:
            return Doubt(payment)
        account = await read.accounts.get(payment.user_id, payment.debtor_account_id)
        assert account is not None
        bank_link = await read.bank_links.get(payment.user_id, account.bank_link_id)
        vendor = bank_link.vendor if bank_link is not None else payment.vendor
        # The newest consent that covers the account is the one by which it is read.
        text_version = next(
            (reach.text_version for reach in await read.accounts.reaches(payment.user_id, [account.id])), None
        )
        like_debits = await read.statements.like_debits(payment, _SHOWN)
        waiting = waits_for(
            payment,
            await read.accounts.last_reading(account.id),
            text_version=text_version,
            has_like_debit=bool(like_debits),
            gives_ids=self._gives_ids(account.bank_id) or await read.statements.gives_ids(account.bank_id, vendor),
            today=oslo_date(self._clock.now()),
        )
        has_consent = text_version is not None and names_matching(text_version)
        return Doubt(payment, waiting, has_consent, like_debits)

    async def resolve(
        self, payment: Payment, outcome: Status, reason: str, *, proposal: Resolution | None = None
    ) -> Payment:
        """End the doubt as an operator says. The reason is audited. A card payment that failed is cancelled first.

        A proposal is used up with it, and counts for the payment as it was then. Raises InvalidState,
        ProviderUnavailable.
        """
        about(payment.id, payment.user_id)
        if proposal is not None:
            proposal.require_unchanged(payment)
        ends_at_vendor = payment.rail is Rail.CARD and payment.in_doubt and outcome is Status.FAILED
        if ends_at_vendor:
            await self._card_status.end_at_vendor(payment)
        now = self._clock.now()

        def step(current: Payment) -> tuple[Payment, PaymentEvent | None]:
            if proposal is not None and not ends_at_vendor:
                proposal.require_unchanged(current)
            return _said(current, outcome, now)

        async def audited(work: UnitOfWork) -> None:
            detail = {"outcome": outcome, "reason": reason.strip()}
            if proposal is not None:
                if not await work.resolutions.take(proposal):
                    raise InvalidState("It was approved meanwhile, or replaced by another proposal.")
                detail["proposedBy"] = proposal.proposed_by
            work.audit.record("payment_resolved", now, user_id=payment.user_id, object_id=payment.id, detail=detail)

        after, _ = await self._recorder.apply(payment, step, also=audited)
        return after

    async def _settled(self, payment: Payment, account_id: AccountId) -> Outcome | None:
        """What the account's stored lines have changed of the payment; None where they do not show it."""
        await self._matching.match(payment.user_id, account_id)
        async with self._read() as read:
            current = await read.payments.get(payment.user_id, payment.id)
        if current is None or current.status is not Status.SETTLED:
            return None
        return Outcome(True, f"{payment.status} -> {current.status}")


def outcome_said(outcome: str) -> Status:
    """Raises InvalidInput for another outcome than SETTLED or FAILED."""
    if outcome not in _OUTCOMES:
        message = f"Give {' or '.join(_OUTCOMES)}, as the bank or card vendor says."
        raise InvalidInput("INVALID_OUTCOME", message, field=("outcome",))
    return Status(outcome)


def require_reason(reason: str) -> None:
    """Raises InvalidInput for none, and for one that is too long."""
    if not reason.strip() or len(reason) > 500:
        raise InvalidInput("REASON_REQUIRED", "Say in 1 to 500 characters how it is known.", field=("reason",))


def require_in_doubt(payment: Payment, outcome: Status, now: datetime) -> None:
    """Raises InvalidState where operators have nothing to say of the payment."""
    _said(payment, outcome, now)


def _said(current: Payment, outcome: Status, now: datetime) -> tuple[Payment, PaymentEvent | None]:
    """What an operator's word makes of the payment. Raises InvalidState where its outcome is known."""
    failure = NEVER_REACHED if outcome is Status.FAILED else None
    update = StatusUpdate(outcome, PaymentCause.OPERATOR, now, failure)
    if current.withdrawn_since is not None and outcome is current.status:
        return current.with_withdrawal_resolved(now)
    if is_watched(current, oslo_date(now)):
        return current.apply(update) if outcome is Status.SETTLED else current.with_watch_ended(now)
    if not current.in_doubt and (current.overdue_since is None or current.status.is_final):
        raise InvalidState(f"The payment is {current.status} and not in doubt.", field=("payment",))
    return current.apply(update)
