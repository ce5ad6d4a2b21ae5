"""Starts a job for every row that is not final and has none: no row may stand still because its job was lost."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

import structlog

from db.orphans import Orphan, RowKind
from db.unit_of_work import Work
from domain.alert import Severity
from domain.clock import Clock
from domain.ids import CardId, ConsentId, DataExportId, PaymentId, PlanSubscriptionId, RefundId, UploadId
from domain.job import Job
from services.banks.consents import AskConsent
from services.cards.cards import IssueCard
from services.files.data_exports import BuildExport, ExpireExport
from services.files.uploads import ExpireUpload
from services.incidents import Incidents
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
    RowKind.CARD_PAYMENT: lambda row: AskCardVendor(row.user_id, PaymentId(row.id), _PAUSE_S),
    RowKind.REFUND: lambda row: SettleRefund(row.user_id, PaymentId(row.payment_id), RefundId(row.id), _PAUSE_S),
    RowKind.PLAN: lambda row: AskPlan(row.user_id, PlanSubscriptionId(row.id), _PAUSE_S),
    RowKind.CONSENT: lambda row: AskConsent(row.user_id, ConsentId(row.id)),
    RowKind.KYC: lambda row: AskKycVendor(row.user_id, _PAUSE_S),
    RowKind.REQUESTED_EXPORT: lambda row: BuildExport(row.user_id, DataExportId(row.id)),
    RowKind.READY_EXPORT: lambda row: ExpireExport(row.user_id, DataExportId(row.id)),
    RowKind.UPLOAD: lambda row: ExpireUpload(row.user_id, UploadId(row.id)),
    RowKind.CARD: lambda row: IssueCard(row.user_id, CardId(row.id)),
    RowKind.WEBHOOK: lambda row: ProcessWebhook(row.id),
}


class Orphans:
    """Looks for rows without a job at a worker's start and every ten minutes, by the machine's time.

    It is no job itself: it finds what the queue has lost.
    """

    def __init__(self, work: Work, clock: Clock, incidents: Incidents) -> None:
        self._work = work
        self._clock = clock
        self._incidents = incidents

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.start()
            except Exception:
                _log.exception("orphans_not_looked_for")  # the database is away: the next look finds the same
                self._incidents.error()
            await asyncio.sleep(_EVERY_S)

    async def start(self) -> int:
        """Queue a job for each row that has none, and alert operators by kind. Commits by kind. Gives how many."""
        return sum([await self._start_kind(kind) for kind in RowKind])

    async def _start_kind(self, kind: RowKind) -> int:
        now = self._clock.now()
        async with self._work() as work:
            found = await work.orphans.of(kind, before=now - _LEFT_ALONE, most=_AT_ONCE)
            for orphan in found:
                work.jobs.enqueue(_JOBS[kind](orphan), now=now)
            await work.commit()
        if found:
            _log.warning("orphans_started", kind=kind, count=len(found), first=found[0].id)
            message = f"{len(found)} had no job, {found[0].id} first; one was queued for each"
            self._incidents.alert(Severity.WARNING, f"Rows without a job: {kind}", message)
        return len(found)
