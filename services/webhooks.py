"""The inbox: a webhook is verified, stored once and answered; a job processes it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from db.ids import new_id
from db.tables.event import WebhookEventRow
from db.unit_of_work import Read, Work
from db.webhooks import IGNORED, PARKED, PROCESSED, RECEIVED, UNMATCHED
from domain.clock import Clock
from domain.errors import NotFound
from providers.kyc.port import KycProvider
from providers.open_banking.port import OpenBankingNotice, PaymentInitiation
from providers.vendors import Vendors
from services.banks import Banks
from services.kyc import KycService
from services.payment_news import PaymentNews

PROCESS: Final = "process_webhook"
KYC: Final = "sumsub"
OPEN_BANKING: Final = "openbanking"
# A webhook may overtake the reply that makes its object known to us.
_PARKED_FOR: Final = (
    timedelta(seconds=1),
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(seconds=300),
)


class Webhooks:
    def __init__(
        self,
        work: Work,
        read: Read,
        kyc_vendors: Vendors[KycProvider],
        bank_vendors: Vendors[PaymentInitiation],
        kyc: KycService,
        banks: Banks,
        news: PaymentNews,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._kyc_vendors = kyc_vendors
        self._bank_vendors = bank_vendors
        self._kyc = kyc
        self._banks = banks
        self._news = news
        self._clock = clock

    async def accept(self, provider: str, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Verify and store; False where this one was stored before.

        Raises BadSignature, BadWebhook, and NotFound for a provider that sends none.
        """
        event_key = self._event_key(provider, raw, headers)
        now = self._clock.now()
        row = WebhookEventRow(
            id=new_id("whk", now), provider=provider, event_key=event_key, raw=raw, received_at=now, status=RECEIVED
        )
        async with self._work() as work:
            is_new = await work.webhooks.add_once(row)
            if is_new:
                work.jobs.enqueue(PROCESS, {"webhook_id": row.id}, due_at=now, now=now)
            await work.commit()
        return is_new

    async def process(self, webhook_id: str) -> None:
        """Act on a stored webhook. Safe to repeat. Raises Unavailable where the vendor cannot be asked."""
        async with self._read() as read:
            row = await read.webhooks.get(webhook_id)
        if row is None:
            return
        outcome = await (self._process_kyc(row) if row.provider == KYC else self._process_bank(row))
        if outcome is None:
            await self._park(row)
            return
        # The vendor was read, so what came of it is the truth, whichever webhook asked.
        status = PROCESSED if "->" in outcome else IGNORED
        await self._close(row.id, status, outcome)

    def _event_key(self, provider: str, raw: bytes, headers: Mapping[str, str]) -> str:
        if provider == KYC:
            return self._kyc_vendors[self._kyc_vendors.current].parse_webhook(raw, headers).event_key
        if provider == OPEN_BANKING:
            return self._bank_vendors[self._bank_vendors.current].parse_webhook(raw, headers).event_key
        raise NotFound(f"No provider {provider!r} sends webhooks here.")

    async def _process_kyc(self, row: WebhookEventRow) -> str | None:
        vendor = self._kyc_vendors.current
        notice = self._kyc_vendors[vendor].read_webhook(row.raw)
        async with self._read() as read:
            kyc = await read.kyc.by_vendor_reference(vendor, notice.user_id, notice.applicant_id)
        if kyc is None:
            return None
        return await self._kyc.refresh(kyc.user_id, row.id)

    async def _process_bank(self, row: WebhookEventRow) -> str | None:
        vendor = self._bank_vendors.current
        notice = self._bank_vendors[vendor].read_webhook(row.raw)
        if notice.consent_id or notice.consent_reference:
            return await self._process_consent(vendor, notice, row.id)
        async with self._read() as read:
            payment = await read.payments.by_vendor_reference(vendor, notice.end_to_end_id, notice.payment_reference)
        if payment is None:
            return None
        return await self._news.refresh(payment.user_id, payment.id, row.id)

    async def _process_consent(self, vendor: str, notice: OpenBankingNotice, cause: str) -> str | None:
        async with self._read() as read:
            consent = await read.consents.by_vendor_reference(vendor, notice.consent_id, notice.consent_reference)
        if consent is None:
            return None
        return await self._banks.refresh_consent(consent.user_id, consent.id, cause)

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
            await work.commit()

    async def _close(self, webhook_id: str, status: str, outcome: str) -> None:
        async with self._work() as work:
            await work.webhooks.close(webhook_id, status=status, outcome=outcome, at=self._clock.now())
            await work.commit()
