"""The card vendor's lists, held against what is stored here, in both directions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from db.reconciliation import Owned
from db.unit_of_work import Queries, Read, UnitOfWork, Work
from domain.clock import Clock
from domain.ids import PLAN_SUBSCRIPTION, PaymentId, PlanSubscriptionId, kind_of
from domain.job import Job
from domain.reconciliation import Difference, DifferenceKind, Listed, ObjectKind, difference, is_of_plan
from providers.card_payments.port import CardEvent, CardPaymentsProvider, ListedPage
from providers.vendors import Vendors
from services.payments.card_status import AskCardVendor
from services.plans.status import AskPlan

_PAUSE_S: Final = 60.0
# A longer list is read in two halves of its time, each by a job of its own.
_PAGES: Final = 10
_SHORTEST: Final = timedelta(hours=1)
# What is made while the list is read may be missing in it.
_MEANWHILE: Final = timedelta(hours=1)
_AT_ONCE: Final = 2_000
_ABSENT_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class ReconcileCards(Job):
    """Hold the card vendor's list of one kind against what is stored; `since` and `until` are ISO 8601."""

    kind: ClassVar[str] = "reconcile_cards"
    vendor: str
    object_kind: str
    since: str
    until: str


class CardReconciliation:
    """Compares, has mended by the jobs that a webhook would cause, and stores what differs."""

    def __init__(self, work: Work, read: Read, vendors: Vendors[CardPaymentsProvider], clock: Clock) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._clock = clock

    async def enqueue(self, work: UnitOfWork, since: datetime, until: datetime) -> None:
        """Queue the jobs that compare what was made in this time, at the vendors that serve users of ours."""
        for vendor in self._vendors.names:
            if vendor == self._vendors.current or await work.reconciliation.serves(vendor):
                for kind in ObjectKind:
                    job = ReconcileCards(vendor, kind, since.isoformat(), until.isoformat())
                    work.jobs.enqueue(job, now=until)

    async def compare(self, job: ReconcileCards) -> None:
        """Compare the objects of one kind, or queue jobs for both halves of a longer list. Commits. Safe to repeat.

        Raises Unavailable.
        """
        kind, vendor = ObjectKind(job.object_kind), job.vendor
        since, until = datetime.fromisoformat(job.since), datetime.fromisoformat(job.until)
        pages = await self._pages(vendor, kind, since, until)
        if pages is None:
            await self._halve(job, since, until)
            return
        listed = [one for page in pages for one in page.objects]
        for start in range(0, len(listed), 100):
            await self._compare_page(vendor, kind, listed[start : start + 100])
        unreadable = [reference for page in pages for reference in page.unreadable]
        ours = await self._ours(vendor, kind, since, until)
        absent = await self._absent(vendor, kind, ours, {one.reference for one in listed} | set(unreadable))
        odd = [Difference(DifferenceKind.UNREADABLE, Listed(kind, reference, None, None)) for reference in unreadable]
        async with self._work() as work:
            now = self._clock.now()
            present = {one.stored.id for one in ours} - {one.our_id for one in absent}
            await work.reconciliation.present(vendor, kind, present, now)
            await work.reconciliation.put(vendor, [*odd, *absent], now)
            await work.commit()

    async def _pages(
        self, vendor: str, kind: ObjectKind, since: datetime, until: datetime
    ) -> Sequence[ListedPage] | None:
        """The vendor's list; None where it is too long for one job."""
        pages, after = list[ListedPage](), None
        is_short = until - since <= _SHORTEST
        while is_short or len(pages) < _PAGES:
            page = await self._vendors[vendor].listed(kind, since, until, after)
            pages.append(page)
            after = page.after
            if after is None:
                return pages
        return None

    async def _halve(self, job: ReconcileCards, since: datetime, until: datetime) -> None:
        middle = since + (until - since) / 2
        halves = ((since, middle), (middle, until))
        async with self._work() as work:
            for first, last in halves:
                half = ReconcileCards(job.vendor, job.object_kind, first.isoformat(), last.isoformat())
                work.jobs.enqueue(half, now=self._clock.now())
            await work.commit()

    async def _compare_page(self, vendor: str, kind: ObjectKind, listed: Sequence[Listed]) -> None:
        now = self._clock.now()
        if kind is ObjectKind.DISPUTE:
            listed = await self._with_plans(vendor, listed)
        async with self._work() as work:
            stored = await _stored_of(work, vendor, kind, listed)
            parents = await self._parents(work, vendor, listed)
            differing = []
            for one in listed:
                known, parent = stored.get(one.reference), parents.get(one.parent or "")
                found = difference(one, known.stored if known else None, parent.stored if parent else None)
                if is_of_plan(one, parent.stored if parent else None):
                    await self._mend(work, one, parent)  # the ledger has what it moved, once it is decided
                if found is None:
                    continue
                differing.append(_difference(found, one, known))
                await self._mend(work, one, known or parent)
            same = {one.reference for one in listed} - {one.listed.reference for one in differing}
            await work.reconciliation.mended(vendor, kind, same, now)
            await work.reconciliation.put(vendor, differing, now)
            await work.commit()

    async def _with_plans(self, vendor: str, disputes: Sequence[Listed]) -> Sequence[Listed]:
        """The disputes, those of plans' charges with the subscription as what they belong to: only the vendor knows."""
        async with self._read() as read:
            payments = await self._parents(read, vendor, disputes)
        found = []
        for one in disputes:
            plan = None
            if one.parent not in payments:
                event = CardEvent(event_key=one.reference, kind=one.kind, payment_reference=one.parent)
                plan = await self._vendors[vendor].subscription_of(event)
            found.append(replace(one, parent=plan or one.parent))
        return found

    async def _parents(self, queries: Queries, vendor: str, listed: Sequence[Listed]) -> Mapping[str, Owned]:
        """What is stored of the payments and plans that the objects belong to, by the vendor's ids."""
        references = {one.parent for one in listed if one.parent is not None}
        found = list[Owned]()
        if references:
            for kind in (ObjectKind.PAYMENT, ObjectKind.PLAN, ObjectKind.PLAN_INVOICE):
                found += await queries.reconciliation.known(kind, vendor, references)
        return {one.stored.reference: one for one in found if one.stored.reference is not None}

    async def _mend(self, work: UnitOfWork, listed: Listed, owned: Owned | None) -> None:
        """Have the vendor asked about the payment or plan, as a webhook would."""
        if owned is None:
            return
        if owned.stored.id == listed.our_id and listed.kind in (ObjectKind.PAYMENT, ObjectKind.PLAN):
            # Its creation was not answered: the vendor made it all the same.
            await work.reconciliation.adopt(listed.kind, owned.stored.id, listed.reference)
        now, user_id = self._clock.now(), owned.user_id
        ask: Job
        if kind_of(owned.subject_id) == PLAN_SUBSCRIPTION:
            ask = AskPlan(user_id, PlanSubscriptionId(owned.subject_id), _PAUSE_S)
        else:
            ask = AskCardVendor(user_id, PaymentId(owned.subject_id), _PAUSE_S)
        await work.jobs.enqueue_next(ask, due_at=now, now=now)

    async def _ours(self, vendor: str, kind: ObjectKind, since: datetime, until: datetime) -> list[Owned]:
        latest = min(until, self._clock.now() - _MEANWHILE)
        async with self._read() as read:
            return await read.reconciliation.made_between(kind, vendor, since, latest, _AT_ONCE)

    async def _absent(self, vendor: str, kind: ObjectKind, ours: Sequence[Owned], listed: set[str]) -> list[Difference]:
        """What is stored here and the vendor does not know: each is asked about before that is said."""
        missing = [one for one in ours if one.stored.reference not in listed][:_ABSENT_AT_ONCE]
        found = []
        for one in missing:
            reference = one.stored.reference or one.stored.id
            if not await self._vendors[vendor].has(kind, reference):
                absent = Listed(kind, reference, None, None, one.stored.id)
                found.append(_difference(DifferenceKind.ABSENT_THERE, absent, one))
        return found


async def _stored_of(queries: Queries, vendor: str, kind: ObjectKind, listed: Sequence[Listed]) -> Mapping[str, Owned]:
    """What is stored of listed objects, by the vendor's id of each: by that id first, by ours second."""
    ours = {one.our_id: one.reference for one in listed if one.our_id is not None}
    known = await queries.reconciliation.known(kind, vendor, [one.reference for one in listed], list(ours))
    by_reference = {one.stored.reference: one for one in known if one.stored.reference is not None}
    by_our_id = {ours[one.stored.id]: one for one in known if one.stored.id in ours}
    return {**by_our_id, **by_reference}


def _difference(kind: DifferenceKind, listed: Listed, owned: Owned | None) -> Difference:
    our_id = owned.stored.id if owned else listed.our_id
    return Difference(kind, listed, our_id, owned.stored.status if owned else None)
