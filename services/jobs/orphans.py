"""Starts a job for every row that is not final and has none: no row may stand still because its job was lost."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from db.orphans import Orphan, RowKind
from db.unit_of_work import Read, Work
from domain.alert import Severity
from domain.clock import Clock
from domain.ids import (
    CardId,
    ConsentId,
    DataExportId,
    PaymentId,
    PlanSubscriptionId,
    RefundId,
    UploadId,
    VendorMigrationId,
)
from domain.job import Job
from services.banks.consents import AskConsent
from services.cards.cards import IssueCard
from services.files.data_exports import BuildExport, ExpireExport
from services.files.uploads import ExpireUpload
from services.incidents import Incidents
from services.operations.background import look_every
from services.operations.vendor_migration import MoveCustomers
from services.payments.bank_status import AskBank
from services.payments.card_status import AskCardVendor, SettleRefund
from services.plans.status import AskPlan
from services.users.kyc import AskKycVendor
from services.webhooks.inbox import ProcessWebhook

_EVERY_S: Final = 600
# A change under way commits its row and its job together; a request that is answered slowly still has none.
_LEFT_ALONE: Final = timedelta(minutes=10)
_AT_ONCE: Final = 500
_PAUSE_S: Final = 60.0
_log = structlog.get_logger()

_JOBS: Final[Mapping[RowKind, Callable[[Orphan], Job]]] = {
    RowKind.BANK_PAYMENT: lambda row: AskBank(row.user_id, PaymentId(row.id), _PAUSE_S),
    RowKind.WATCHED_PAYMENT: lambda row: AskBank(row.user_id, PaymentId(row.id), _PAUSE_S),
    RowKind.CARD_PAYMENT: lambda row: AskCardVendor(row.user_id, PaymentId(row.id), _PAUSE_S),
    RowKind.REFUND: lambda row: SettleRefund(row.user_id, PaymentId(row.payment_id), RefundId(row.id), _PAUSE_S),
    RowKind.PLAN: lambda row: AskPlan(row.user_id, PlanSubscriptionId(row.id), _PAUSE_S),
    RowKind.WATCHED_PLAN: lambda row: AskPlan(row.user_id, PlanSubscriptionId(row.id), _PAUSE_S),
    RowKind.CONSENT: lambda row: AskConsent(row.user_id, ConsentId(row.id)),
    RowKind.KYC: lambda row: AskKycVendor(row.user_id, _PAUSE_S),
    RowKind.REQUESTED_EXPORT: lambda row: BuildExport(row.user_id, DataExportId(row.id)),
    RowKind.READY_EXPORT: lambda row: ExpireExport(row.user_id, DataExportId(row.id)),
    RowKind.UPLOAD: lambda row: ExpireUpload(row.user_id, UploadId(row.id)),
    RowKind.CARD: lambda row: IssueCard(row.user_id, CardId(row.id)),
    RowKind.WEBHOOK: lambda row: ProcessWebhook(row.id),
    RowKind.VENDOR_MIGRATION: lambda row: MoveCustomers(VendorMigrationId(row.id), after=""),
}


class Orphans:
    """Looks for rows without a job at a worker's start and every ten minutes, by the machine's time.

    `series` queue the next job of each daily series, unless it is queued. The look is no job itself: it finds what the
    queue has lost.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        clock: Clock,
        incidents: Incidents,
        series: Sequence[Callable[[], Awaitable[None]]],
    ) -> None:
        self._work = work
        self._read = read
        self._clock = clock
        self._incidents = incidents
        self._series = series

    async def run(self) -> None:
        """Look until cancelled."""
        await look_every(_EVERY_S, self.look, self._incidents, of="rows without a job")

    async def look(self) -> None:
        """Queue the next job of each daily series that has none, then do as `start` does."""
        for schedule in self._series:
            await schedule()
        await self.start()

    async def start(self) -> int:
        """Queue a job for each row that has none, and alert operators by kind. Commits by page. Gives how many."""
        return sum([await self._start_kind(kind) for kind in RowKind])

    async def _start_kind(self, kind: RowKind) -> int:
        now, count, first = self._clock.now(), 0, ""
        last: str | None = ""
        while last is not None:
            async with self._read() as read:
                page = await read.orphans.page(kind, after=last, before=now - _LEFT_ALONE, most=_AT_ONCE)
            started = await self._start_page(kind, page.orphans, now) if page.orphans else []
            count += len(started)
            first = first or next((orphan.id for orphan in started), "")
            last = page.last
        if count:
            _log.warning("orphans_started", kind=kind, count=count, first=first)
            message = f"{count} had no job, {first} first; one was queued for each"
            self._incidents.alert(Severity.WARNING, f"Rows without a job: {kind}", message)
        return count

    async def _start_page(self, kind: RowKind, found: Sequence[Orphan], now: datetime) -> Sequence[Orphan]:
        async with self._work() as work:
            started = await work.orphans.still(kind, found, before=now - _LEFT_ALONE)
            for orphan in started:
                work.jobs.enqueue(_JOBS[kind](orphan), now=now)
            await work.commit()
        return started
