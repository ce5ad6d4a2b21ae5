"""A user's way back from a bank's page with a consent: completed for the user who asked, ended for any other."""

from collections.abc import Mapping

import structlog

from db.unit_of_work import Read, Work
from domain import way_back
from domain.bank_return import BankVisit, FinishedVisit
from domain.clock import Clock
from domain.consent import BankLinkEnd, Consent, ConsentStatus
from domain.device import Device
from domain.errors import ConsentRequired, ReadLimitReached, Unavailable
from domain.ids import ConsentId
from providers.open_banking.port import ConsentState
from services.banks.consent_approvals import ConsentApprovals
from services.banks.consents import ConsentStatusSync, RevokeConsent
from services.banks.links import BankLinks

_log = structlog.get_logger()


class ConsentReturns:
    """Finishes consents whose user is back. A bank is called outside of any transaction."""

    def __init__(
        self,
        work: Work,
        read: Read,
        bank_links: BankLinks,
        approvals: ConsentApprovals,
        consents: ConsentStatusSync,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._bank_links = bank_links
        self._approvals = approvals
        self._consents = consents
        self._clock = clock

    async def finish(self, visit: BankVisit, query: Mapping[str, str], device: Device) -> FinishedVisit:
        """Finish a consent whose own user is back from the bank.

        The bank is asked once: a way back that is opened again gives the same.
        """
        consent_id = ConsentId(visit.subject_id)
        async with self._work() as work:
            consent = await work.consents.get(visit.user_id, consent_id)
            assert consent is not None
            is_first = await work.consents.mark_returned(consent_id, self._clock.now())
            await work.commit()
        if is_first and consent.status in (ConsentStatus.AWAITING_AUTHORISATION, ConsentStatus.ACTIVE):
            await self._complete(consent, query, device)
        async with self._read() as read:
            current = await read.consents.get(visit.user_id, consent_id) or consent
        return FinishedVisit(visit, way_back.of_consent(current.status))

    async def _complete(self, consent: Consent, query: Mapping[str, str], device: Device) -> None:
        try:
            await self._approvals.complete(consent, query, device)
            await self._bank_links.fetch(consent.user_id, consent.id, device)
        except (Unavailable, ReadLimitReached, ConsentRequired):
            _log.warning("consent_return_incomplete", consent_id=consent.id)  # the queued jobs ask the bank again

    async def refuse(self, visit: BankVisit) -> None:
        """End a consent that came back with another user, or with nobody: here at once, at the bank by a job."""
        consent_id = ConsentId(visit.subject_id)
        async with self._work() as work:
            consent = await work.consents.get(visit.user_id, consent_id)
            if consent is None or not visit.is_open:
                return
            work.jobs.enqueue(RevokeConsent(visit.user_id, consent_id), now=self._clock.now())
            await work.commit()
        # A consent that was awaited is rejected; one that a bank's message has made active meanwhile is revoked.
        for status in (ConsentStatus.REJECTED, ConsentStatus.REVOKED):
            ended = ConsentState(status, consent.valid_until)
            await self._consents.apply(visit.user_id, consent_id, ended, BankLinkEnd.NOT_CONFIRMED)
