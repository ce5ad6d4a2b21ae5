"""The inbox: a webhook is verified, stored once and answered; a job processes it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from db.ids import new_id
from db.unit_of_work import Queries, Read, Work, retry_on_stale
from domain.alert import Severity
from domain.audit import Anomaly
from domain.clock import Clock
from domain.errors import BadSignature, BadWebhook, DropError, NotFound
from domain.job import Job
from domain.outcome import Outcome
from domain.timeline import TimelineKind, about, record
from domain.webhook import Webhook, WebhookStatus
from services.incidents import Incidents
from services.limits import LimitName, Limits
from services.operations.audit_trail import AuditTrail
from services.webhooks.sources import Delivery, Incoming, WebhookSource

_UNMATCHED: Final = "names nothing we know"
# A webhook may overtake the reply that makes its object known to us.
_PARKED_FOR: Final = (
    timedelta(seconds=1),
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(seconds=300),
)


@dataclass(frozen=True, slots=True)
class ProcessWebhook(Job):
    """Act on a stored webhook."""

    kind: ClassVar[str] = "process_webhook"
    webhook_id: str

    @property
    def row_id(self) -> str:
        return self.webhook_id


@dataclass(frozen=True, slots=True)
class ProcessMoneyWebhook(ProcessWebhook):
    """As `ProcessWebhook`, of a bank or card vendor: a flood of other vendors' webhooks does not delay it."""

    kind: ClassVar[str] = "process_money_webhook"


class Webhooks:
    """Verifies, stores and answers webhooks, each event once, and processes them by jobs afterwards."""

    def __init__(
        self,
        work: Work,
        read: Read,
        sources: Mapping[str, WebhookSource],
        incidents: Incidents,
        limits: Limits,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._sources = sources
        self._incidents = incidents
        self._limits = limits
        self._audit = audit
        self._clock = clock

    async def accept(self, provider: str, delivery: Delivery, client: str) -> bool:
        """Verify and store a delivery. Gives False if all of its events were stored before.

        What is signed is always accepted. Wrong signatures are counted by `client`: RateLimited where they are many.
        Raises BadSignature, BadWebhook, and NotFound for a provider that has no webhooks here.
        """
        source = self._sources.get(provider)
        if source is None:
            raise NotFound(f"No provider {provider!r} sends webhooks here.")
        try:
            incoming = await source.verify(delivery)
        except (BadSignature, BadWebhook) as error:
            if isinstance(error, BadSignature):
                self._audit.count(Anomaly.WEBHOOK_FORGED, provider)
                await self._limits.require(LimitName.BAD_SIGNATURES, client)
            await self._record_refused(provider, source, delivery, error)
            raise
        return await retry_on_stale(lambda: self._store(provider, source, incoming))

    async def _store(self, provider: str, source: WebhookSource, incoming: Sequence[Incoming]) -> bool:
        now = self._clock.now()
        is_new = False
        async with self._work() as work:
            # In one order: two deliveries of the same events would wait for each other.
            for event in sorted(incoming, key=lambda one: one.event_key):
                webhook = Webhook(new_id("whk", now), provider, event.event_key, event.raw, now)
                added = await work.webhooks.add_once(webhook)
                if added:
                    work.jobs.enqueue(self._job(webhook), now=now)
                    is_new = True
                else:
                    # Of a new one its processing tells.
                    record(TimelineKind.WEBHOOK, f"from {provider}", "stored before, answered again")
                    await _find_subject(work, source, event.raw)
            await work.commit()
        return is_new

    async def newest(self, limit: int) -> Sequence[Webhook]:
        """What was received, newest first."""
        async with self._read() as read:
            return await read.webhooks.newest(limit)

    async def replay(self, webhook_id: str) -> None:
        """Queue a stored webhook for another processing. Raises NotFound."""
        now = self._clock.now()
        async with self._work() as work:
            webhook = await work.webhooks.get(webhook_id)
            if webhook is None:
                raise NotFound("There is no such webhook.", field=("webhook",))
            work.jobs.enqueue(self._job(webhook), now=now)
            await work.commit()

    async def process(self, webhook_id: str) -> None:
        """Act on a stored webhook. Safe to repeat. Raises Unavailable where the vendor cannot be asked."""
        async with self._read() as read:
            webhook = await read.webhooks.get(webhook_id)
        if webhook is None:
            return
        source = self._sources.get(webhook.provider)
        # A webhook of a vendor that is not set up any more is parked, for the case that the vendor comes back.
        outcome = await source.process(webhook.raw) if source is not None else None
        record(
            TimelineKind.WEBHOOK,
            f"processed, from {webhook.provider}",
            outcome.text if outcome else _UNMATCHED,
            webhook_id=webhook.id,
        )
        if outcome is None:
            await self._park(webhook)
            return
        status = WebhookStatus.PROCESSED if outcome.changed else WebhookStatus.IGNORED
        # Closed even if it was processed before: the vendor was asked just now, so this outcome is the newest.
        await self._close(webhook.id, status, outcome)

    def _job(self, webhook: Webhook) -> ProcessWebhook:
        source = self._sources.get(webhook.provider)
        kind = ProcessMoneyWebhook if source is not None and source.is_of_money else ProcessWebhook
        return kind(webhook.id)

    async def _record_refused(self, provider: str, source: WebhookSource, delivery: Delivery, error: DropError) -> None:
        """Record a refused webhook in the timeline of the payment that it names, to show why nothing happened."""
        record(TimelineKind.WEBHOOK, f"from {provider}", f"refused: {error.message}")
        if isinstance(error, BadSignature):
            with suppress(BadWebhook):
                async with self._read() as read:
                    await _find_subject(read, source, delivery.raw)

    async def _park(self, webhook: Webhook) -> None:
        now = self._clock.now()
        async with self._work() as work:
            if webhook.attempts < len(_PARKED_FOR):
                pause = _PARKED_FOR[webhook.attempts]
                outcome = f"{_UNMATCHED}; tried again in {pause.total_seconds():.0f} s"
                await work.webhooks.close(webhook.id, status=WebhookStatus.PARKED, outcome=outcome, at=now)
                work.jobs.enqueue(self._job(webhook), due_at=now + pause, now=now)
            else:
                await work.webhooks.close(webhook.id, status=WebhookStatus.UNMATCHED, outcome=_UNMATCHED, at=now)
                message = f"{webhook.provider} {webhook.id} names nothing"
                self._incidents.alert(Severity.WARNING, "Unmatched webhook", message)
            await work.commit()

    async def _close(self, webhook_id: str, status: WebhookStatus, outcome: Outcome) -> None:
        now = self._clock.now()
        async with self._work() as work:
            await work.webhooks.close(webhook_id, status=status, outcome=outcome.text, at=now, user_id=outcome.user_id)
            if outcome.user_id is not None:
                # It came after its person had left, or while its person left: nothing of the person comes back by it.
                await work.webhooks.forget_of_departed(webhook_id, outcome.user_id)
            await work.commit()


async def _find_subject(read: Queries, source: WebhookSource, raw: bytes) -> None:
    payment = await source.payment_of(read, raw)
    if payment is not None:
        about(payment.id, payment.user_id)
