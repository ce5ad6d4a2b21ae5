"""The approval of a consent at its bank: begun, watched while the user gives it without a page, and completed."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from db.unit_of_work import Read, UnitOfWork, Work, retry_on_outage
from domain.clock import Clock
from domain.consent import Consent, ConsentStatus
from domain.device import Device
from domain.errors import Unavailable
from domain.ids import ConsentId, UserId
from domain.job import Job
from providers.open_banking.port import AccountInformation, ConsentRequest, NotApprovable, StartedConsent
from providers.vendors import Vendors
from services.authorisations import CODE_LIVES, CODE_PAUSE, WATCH_PAUSE, WATCHED, Authorisations
from services.banks.consent_access import ConsentAccesses
from services.banks.consents import ConsentStatusSync, FetchAccounts, RevokeConsent

# How long a bank may take to take a consent as given once the user is back from it.
_COUNTS_WITHIN: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class WatchConsent(Job):
    """Ask the bank in short steps while a user gives a consent without a page. `until` is in ISO 8601."""

    kind: ClassVar[str] = "watch_consent_approval"
    user_id: UserId
    consent_id: ConsentId
    until: str


@dataclass(frozen=True, slots=True)
class FinishConsent(Job):
    """Exchange the code of a consent again. `query_encrypted` is what the browser brought; `until` is in ISO 8601."""

    kind: ClassVar[str] = "finish_consent_return"
    user_id: UserId
    consent_id: ConsentId
    query_encrypted: str
    until: str


class ConsentApprovals:
    """Begins, watches and completes the approvals of consents. The bank's id of a consent is stored as soon as given.

    Each method commits its own transactions; a bank is called outside of any.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[AccountInformation],
        consents: ConsentStatusSync,
        access: ConsentAccesses,
        authorisations: Authorisations,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._consents = consents
        self._access = access
        self._authorisations = authorisations
        self._clock = clock

    async def begin(self, consent: Consent, request: ConsentRequest) -> StartedConsent:
        """Register the consent and begin its approval; without one in the answer, none follows.

        Raises Unavailable, and NotApprovable; the consent is then revoked.
        """
        vendor = self._vendors[consent.vendor]
        started = await vendor.start_consent(request)
        await retry_on_outage(lambda: self._save(consent, started))
        if started.authorisation is None and started.needs_approval:
            try:
                started = await vendor.authorise_consent(started, request.psu, request.redirect_uri)
            except (Unavailable, NotApprovable):
                await self._give_up(consent)
                raise
            await retry_on_outage(lambda: self._save(consent, started))
        return started

    async def complete(self, consent: Consent, query: Mapping[str, str], device: Device) -> None:
        """Finish a consent when the browser is back, on that device. A code that was not exchanged is kept.

        Raises Unavailable.
        """
        try:
            await self._complete(consent, query, device)
        except Unavailable:
            if "code" in query:
                until, kept = self._clock.now() + CODE_LIVES, self._authorisations.sealed_query(query)
                await self._ask_soon(FinishConsent(consent.user_id, consent.id, kept, until.isoformat()))
            else:
                await self._ask_soon(self._watching(consent))
            raise

    async def finish_return(self, job: FinishConsent) -> None:
        """Complete a consent whose code could not be exchanged at the return. Safe to repeat. Raises Unavailable."""
        consent = await self._awaited(job.user_id, job.consent_id)
        if consent is not None and self._clock.now() < datetime.fromisoformat(job.until):
            await self._complete(consent, self._authorisations.opened_query(job.query_encrypted), None)

    async def watch(self, job: WatchConsent) -> None:
        """Ask while the user approves without a page, each two seconds. A bank that is away is asked again."""
        consent = await self._awaited(job.user_id, job.consent_id)
        if consent is not None:
            with suppress(Unavailable):
                access = await self._access.of_waiting(consent)
                state = await self._vendors[consent.vendor].consent_state(access)
                await self._consents.apply(consent.user_id, consent.id, state)
        now = self._clock.now()
        is_awaited = await self._awaited(job.user_id, job.consent_id) is not None
        async with self._work() as work:
            if not is_awaited:  # a webhook may have been faster
                work.jobs.enqueue(FetchAccounts(job.user_id, job.consent_id), now=now)
            elif now < datetime.fromisoformat(job.until):
                work.jobs.enqueue(job, due_at=now + WATCH_PAUSE, now=now)
            await work.commit()

    async def _complete(self, consent: Consent, query: Mapping[str, str], device: Device | None) -> None:
        access = await self._access.of(consent, device)
        state = await self._vendors[consent.vendor].complete_consent(access, query)
        await self._consents.apply(consent.user_id, consent.id, state)
        if state.status in (None, ConsentStatus.AWAITING_AUTHORISATION):
            # The bank says so for a moment after the user's approval.
            await self._ask_soon(self._watching(consent))

    def _watching(self, consent: Consent) -> WatchConsent:
        return WatchConsent(consent.user_id, consent.id, (self._clock.now() + _COUNTS_WITHIN).isoformat())

    async def _ask_soon(self, job: WatchConsent | FinishConsent) -> None:
        now = self._clock.now()
        async with self._work() as work:
            work.jobs.enqueue(job, due_at=now + CODE_PAUSE, now=now)
            await work.commit()

    async def _awaited(self, user_id: UserId, consent_id: ConsentId) -> Consent | None:
        async with self._read() as read:
            consent = await read.consents.get(user_id, consent_id)
        is_awaited = consent is not None and consent.status is ConsentStatus.AWAITING_AUTHORISATION
        return consent if is_awaited else None

    async def _save(self, consent: Consent, started: StartedConsent) -> None:
        awaited = started.authorisation
        async with self._work() as work:
            await work.consents.save_reply(consent.id, started.reference, started.valid_until)
            if awaited is not None and awaited.url is not None:
                await work.consents.expect_return(consent.id)
            if awaited is not None and awaited.url is None:
                await self._consents.show(work, consent, awaited)
                if awaited.choice is None:
                    self.enqueue_watch(work, consent, awaited.expires_at)
            await work.commit()

    def enqueue_watch(self, work: UnitOfWork, consent: Consent, until: datetime | None) -> None:
        """Queue the asks that go on while the user approves without a page, within the caller's transaction."""
        now = self._clock.now()
        job = WatchConsent(consent.user_id, consent.id, (until or now + WATCHED).isoformat())
        work.jobs.enqueue(job, due_at=now + WATCH_PAUSE, now=now)

    async def _give_up(self, consent: Consent) -> None:
        async with self._work() as work:
            work.jobs.enqueue(RevokeConsent(consent.user_id, consent.id), now=self._clock.now())
            await work.commit()
