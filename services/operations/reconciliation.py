"""Reconciliation: vendors' objects and booked lines of the last days against what is stored, and the reverse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

import structlog

from db.unit_of_work import Read, Work
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import InvalidInput, NotFound
from domain.job import Job
from domain.reconciliation import Difference, DifferenceKind, Listed, ObjectKind
from services.incidents import Incidents
from services.operations.background import look_every
from services.operations.card_reconciliation import CardReconciliation
from services.operations.service_status import Breakers
from services.payments.in_doubt import InDoubtPayments

# Longer than any outage that was seen, and than a delayed report.
BACK: Final = timedelta(days=7)
_EVERY: Final = timedelta(days=1)
# What differs is asked about by jobs, which wait while the vendor is away.
_MENDED_WITHIN: Final = timedelta(hours=1)
_COMPARED_WITHIN: Final = timedelta(minutes=10)
_JOB_ID: Final = "job_reconcile"
_AT_ONCE: Final = 500
_LOOK_EVERY_S: Final = 60
_OF_STATEMENTS: Final = frozenset({DifferenceKind.NOT_BOOKED, DifferenceKind.NOT_SETTLED})
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reconcile(Job):
    """Compare everything of the last days. `is_daily`: queue the next day's run, too."""

    kind: ClassVar[str] = "reconcile"
    is_daily: bool = True

    @property
    def row_id(self) -> str | None:
        """One series of daily runs, whatever starts it."""
        return self.kind if self.is_daily else None


@dataclass(frozen=True, slots=True)
class CheckDifferences(Job):
    """See which differences are mended; alert operators of the others, at the second look."""

    kind: ClassVar[str] = "check_differences"
    is_second: bool = False


class Reconciliation:
    """Runs each day, after the card vendor or a bank was away, and when an operator asks.

    `breakers` by port tell which of them are away. A difference is mended by the evidence that a webhook would bring;
    one that stays for an hour alerts operators.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        cards: CardReconciliation,
        in_doubt: InDoubtPayments,
        incidents: Incidents,
        clock: Clock,
        breakers: Mapping[str, Breakers],
    ) -> None:
        self._work = work
        self._read = read
        self._cards = cards
        self._in_doubt = in_doubt
        self._incidents = incidents
        self._clock = clock
        self._breakers = breakers
        self._were_away = frozenset[str]()

    async def schedule(self) -> None:
        """Queue the daily run, unless it is queued. Commits. Safe to repeat, from any process."""
        now = self._clock.now()
        async with self._work() as work:
            await work.jobs.enqueue_once(_JOB_ID, Reconcile(), due_at=now + _EVERY, now=now)
            await work.commit()

    async def ask(self) -> None:
        """Queue a run for now. Commits."""
        async with self._work() as work:
            work.jobs.enqueue(Reconcile(is_daily=False), now=self._clock.now())
            await work.commit()

    async def watch(self) -> None:
        """Queue a run whenever the card vendor or a bank is back, until cancelled: its reports may be lost."""
        await look_every(_LOOK_EVERY_S, self.look, self._incidents, of="vendors that were away")

    async def look(self) -> None:
        """Queue a run if a vendor or bank was away at the look before, and is not now. Commits."""
        away = self._away()
        if self._were_away - away:
            await self.ask()
        self._were_away = away

    def _away(self) -> frozenset[str]:
        vendors = {port for port, breakers in self._breakers.items() if breakers.is_away}
        banks = (breakers.open_by_bank.items() for breakers in self._breakers.values())
        return frozenset(vendors | {bank for found in banks for bank, is_open in found if is_open})

    async def run(self, *, is_daily: bool) -> None:
        """Queue the comparison of each kind, compare the statements, and complete the ledger. Commits."""
        now = self._clock.now()
        async with self._work() as work:
            lacking = await work.ledger_gaps.entries(now - BACK, _AT_ONCE)
            await work.ledger.put(lacking)
            await self._cards.enqueue(work, now - BACK, now)
            work.jobs.enqueue(CheckDifferences(), due_at=now + _MENDED_WITHIN, now=now)
            if is_daily:
                await work.jobs.enqueue_next(Reconcile(), due_at=now + _EVERY, now=now)
            await work.commit()
        if lacking:
            _log.warning("ledger_completed", entries=len(lacking))
        await self._compare_statements()

    async def open(self, limit: int) -> Sequence[Difference]:
        """What differs, oldest first."""
        async with self._read() as read:
            return await read.reconciliation.open(limit)

    async def close(self, difference_id: str, reason: str) -> None:
        """Close a difference that an operator has dealt with; the reason is audited. Commits.

        Raises NotFound, InvalidInput. A run that finds it again opens it again.
        """
        if not reason.strip() or len(reason) > 500:
            raise InvalidInput("REASON_REQUIRED", "Say in 1 to 500 characters how it was mended.", field=("reason",))
        now = self._clock.now()
        async with self._work() as work:
            if not await work.reconciliation.close(difference_id, now):
                raise NotFound("There is no open difference with this id.", field=("difference",))
            work.audit.record("difference_closed", now, object_id=difference_id, detail={"reason": reason.strip()})
            await work.commit()

    async def check(self, *, is_second: bool) -> None:
        """Compare again what differed, since it may be mended by now; then alert operators of what differs still.

        Each difference alerts once. Commits.
        """
        now = self._clock.now()
        async with self._work() as work:
            news = await work.reconciliation.untold(_AT_ONCE)
            if not news:
                return
            if is_second:
                await work.reconciliation.told([one.id for one in news], now)
                if len(news) == _AT_ONCE:  # there may be more
                    work.jobs.enqueue(CheckDifferences(is_second=True), now=now)
            else:
                await self._cards.enqueue(work, now - BACK, now)
                work.jobs.enqueue(CheckDifferences(is_second=True), due_at=now + _COMPARED_WITHIN, now=now)
            await work.commit()
        if is_second:
            first = news[0]
            name = first.our_id or first.listed.reference
            message = f"{len(news)}, {name} first ({first.kind}, {first.vendor}): gateway reconcile list"
            self._incidents.alert(Severity.CRITICAL, "Reconciliation found differences", message)

    async def _compare_statements(self) -> None:
        """What a bank has called settled and its statement does not show, and the reverse."""
        now = self._clock.now()
        async with self._read() as read:
            unbooked = await read.reconciliation.unbooked(now - BACK, _AT_ONCE)
            payments = [await read.payments.find(payment_id) for payment_id in unbooked]
            found = await read.reconciliation.unsettled(now - BACK, _AT_ONCE)
        for payment in payments:
            if payment is not None and await self._in_doubt.is_absent(payment):
                listed = Listed(ObjectKind.PAYMENT, payment.id, None, None, payment.id)
                found.append(
                    Difference(DifferenceKind.NOT_BOOKED, listed, payment.id, payment.status, vendor=payment.vendor)
                )
        async with self._work() as work:
            differing = {one.listed.reference for one in found}
            after: str | None = ""
            while after is not None:
                known = await work.reconciliation.open(_AT_ONCE, after=after, kinds=_OF_STATEMENTS)
                gone = {one.listed.reference for one in known} - differing
                for vendor in {one.vendor for one in known}:
                    await work.reconciliation.mended(vendor, ObjectKind.PAYMENT, gone, now)
                after = known[-1].id if len(known) == _AT_ONCE else None
            for one in found:
                await work.reconciliation.put(one.vendor, [one], now)
            await work.commit()
