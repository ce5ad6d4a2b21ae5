"""The inbox: a webhook is verified, stored once and answered; a job processes it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from db.ids import new_id
from db.tables.event import WebhookEventRow
from db.unit_of_work import Read, Work
from db.webhooks import IGNORED, PARKED, PROCESSED, RECEIVED, UNMATCHED
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import NotFound
from services.incidents import Incidents
from services.webhook_sources import Delivery, WebhookSource

PROCESS: Final = "process_webhook"
# A webhook may overtake the reply that makes its object known to us.
_PARKED_FOR: Final = (
    timedelta(seconds=1),
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(seconds=300),
)


class Webhooks:
    def __init__(
        self, work: Work, read: Read, sources: Mapping[str, WebhookSource], incidents: Incidents, clock: Clock
    ) -> None:
        self._work = work
        self._read = read
        self._sources = sources
        self._incidents = incidents
        self._clock = clock

    async def accept(self, provider: str, delivery: Delivery) -> bool:
        """Verify and store; False where all of it was stored before.

        Raises BadSignature, BadWebhook, and NotFound for a provider that sends none.
        """
        source = self._sources.get(provider)
        if source is None:
            raise NotFound(f"No provider {provider!r} sends webhooks here.")
        incoming = source.verify(delivery)
        now = self._clock.now()
        is_new = False
        async with self._work() as work:
            for one in incoming:
                row = WebhookEventRow(
                    id=new_id("whk", now),
                    provider=provider,
                    event_key=one.event_key,
                    raw=one.raw,
                    received_at=now,
                    status=RECEIVED,
                )
                if await work.webhooks.add_once(row):
                    work.jobs.enqueue(PROCESS, {"webhook_id": row.id}, due_at=now, now=now)
                    is_new = True
            await work.commit()
        return is_new

    async def process(self, webhook_id: str) -> None:
        """Act on a stored webhook. Safe to repeat. Raises Unavailable where the vendor cannot be asked."""
        async with self._read() as read:
            row = await read.webhooks.get(webhook_id)
        if row is None:
            return
        outcome = await self._sources[row.provider].process(row.raw, row.id)
        if outcome is None:
            await self._park(row)
            return
        # The vendor was read, so what came of it is the truth, whichever webhook asked.
        status = PROCESSED if "->" in outcome else IGNORED
        await self._close(row.id, status, outcome)

    async def _park(self, row: WebhookEventRow) -> None:
        now = self._clock.now()
        async with self._work() as work:
            if row.attempts < len(_PARKED_FOR):
                pause = _PARKED_FOR[row.attempts]
                outcome = f"names nothing we know; tried again in {pause.total_seconds():.0f} s"
                await work.webhooks.close(row.id, status=PARKED, outcome=outcome, at=now)
                work.jobs.enqueue(PROCESS, {"webhook_id": row.id}, due_at=now + pause, now=now)
            else:
                await work.webhooks.close(row.id, status=UNMATCHED, outcome="names nothing we know", at=now)
                self._incidents.alert(Severity.WARNING, "Unmatched webhook", f"{row.provider} {row.id} names nothing")
            await work.commit()

    async def _close(self, webhook_id: str, status: str, outcome: str) -> None:
        async with self._work() as work:
            await work.webhooks.close(webhook_id, status=status, outcome=outcome, at=self._clock.now())
            await work.commit()
