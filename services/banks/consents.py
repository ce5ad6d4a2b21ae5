"""What a bank reports of a consent: one path for the return, the webhook, a refused reading and the reconciliation."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final

from db.events import NewEvent
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain.authorisation import Authorisation, SealedAuthorisation
from domain.clock import Clock
from domain.consent import BankLink, BankLinkEnd, Consent, ConsentStatus
from domain.event import ChangeKind, EventKind
from domain.ids import ConsentId, UserId
from domain.job import Job
from domain.outcome import Outcome
from domain.snapshot import bank_link_fields
from providers.open_banking.port import ConsentState
from services.authorisations import Authorisations
from services.banks.account_events import publish_accounts

_TOLD_BEFORE: Final = timedelta(days=7)
_FETCH_AGAIN: Final = timedelta(seconds=30)
# The bank says that a consent is given, but not by whom: its user has not come back from the page.
NOT_BACK: Final = Outcome(False, "its user has not come back from the bank")


@dataclass(frozen=True, slots=True)
class AskConsent(Job):
    """Ask the bank how a consent stands once its page or its time has run out."""

    kind: ClassVar[str] = "ask_consent"
    user_id: UserId
    consent_id: ConsentId

    @property
    def row_id(self) -> str:
        return self.consent_id


@dataclass(frozen=True, slots=True)
class FetchAccounts(Job):
    """Read the accounts of a new consent, unless the user's return has done so."""

    kind: ClassVar[str] = "fetch_accounts"
    user_id: UserId
    consent_id: ConsentId


@dataclass(frozen=True, slots=True)
class RevokeConsent(Job):
    """End a consent at its bank."""

    kind: ClassVar[str] = "revoke_consent"
    user_id: UserId
    consent_id: ConsentId


@dataclass(frozen=True, slots=True)
class TellOfExpiry(Job):
    """Send the user a message that a consent runs out soon."""

    kind: ClassVar[str] = "tell_of_consent_expiry"
    user_id: UserId
    consent_id: ConsentId


class ConsentStatusSync:
    """Moves a consent and its bank link by what the bank says, with the jobs and the event that follow."""

    def __init__(self, work: Work, read: Read, authorisations: Authorisations, clock: Clock) -> None:
        self._work = work
        self._read = read
        self._authorisations = authorisations
        self._clock = clock

    async def apply(
        self, user_id: UserId, consent_id: ConsentId, state: ConsentState, because: BankLinkEnd | None = None
    ) -> Outcome:
        """Apply the bank's status. Commits, and gives what that changed. `because` as in `BankLink.apply_consent`."""
        return await retry_on_stale(lambda: self._apply(user_id, consent_id, state, because))

    async def end_lost(self, consent_id: ConsentId, status: ConsentStatus) -> None:
        """End a consent that the bank no longer knows, as a refused reading showed. Commits. Safe to repeat."""
        async with self._read() as read:
            consent = await read.consents.find(consent_id)
        if consent is not None:
            state = ConsentState(status, consent.valid_until)
            await self.apply(consent.user_id, consent_id, state)

    async def _apply(
        self, user_id: UserId, consent_id: ConsentId, state: ConsentState, because: BankLinkEnd | None
    ) -> Outcome:
        async with self._work() as work:
            before = await work.consents.get(user_id, consent_id)
            assert before is not None
            if state.reference is not None:
                await work.consents.save_reply(consent_id, state.reference, state.valid_until)
            if before.awaits_return and state.status is ConsentStatus.ACTIVE:
                # Who approved on the page may be somebody else, to whom the page's link was sent.
                await work.commit()
                return NOT_BACK
            after = before.apply(state.status) if state.status is not None else before
            if after is before:
                await self._show_change(work, before, state.shown)
                await work.commit()
                is_known = state.status is not None
                told = f"the consent is {before.status} already" if is_known else "a status that is not known"
                return Outcome(False, told)
            after = replace(after, valid_until=min(after.valid_until, state.valid_until))
            await work.consents.save(before, after)
            if before.status is ConsentStatus.ACTIVE:
                await self.leave_accounts(work, after)
            if after.status is ConsentStatus.ACTIVE:
                await self._replace_older(work, after)
                self._follow_up(work, after)
            await self._follow(work, after, because)
            await work.commit()
            return Outcome(True, f"{before.status} -> {after.status}")

    async def show(self, work: UnitOfWork, consent: Consent, awaited: Authorisation) -> None:
        """Store and publish what the user must see in the bank's app, within the caller's transaction."""
        await self.show_sealed(work, consent, self._authorisations.sealed(awaited))

    async def _show_change(self, work: UnitOfWork, consent: Consent, shown: Authorisation | None) -> None:
        # A consent that is given on a page is not given in the app, whatever the bank says beside its status.
        if consent.authorisation is None:
            return
        changed = self._authorisations.newly_awaited(consent.authorisation, shown)
        if changed is not None:
            await self.show_sealed(work, consent, changed)

    async def show_sealed(self, work: UnitOfWork, consent: Consent, awaited: SealedAuthorisation) -> None:
        """As `show`, of what is sealed already. A page is not stored: nothing is shown of it."""
        await work.consents.save_authorisation(consent.id, awaited)
        bank_link = await work.bank_links.get(consent.user_id, consent.bank_link_id)
        assert bank_link is not None
        self.publish(work, bank_link)

    async def _follow(self, work: UnitOfWork, consent: Consent, because: BankLinkEnd | None) -> None:
        bank_link = await work.bank_links.get(consent.user_id, consent.bank_link_id)
        assert bank_link is not None
        others = await work.consents.of_bank_link(bank_link.id, ConsentStatus.ACTIVE)
        # Another consent keeps the bank link alive.
        if consent.status is not ConsentStatus.ACTIVE and any(other.id != consent.id for other in others):
            return
        followed = bank_link.apply_consent(consent, because)
        if followed is not bank_link:
            await work.bank_links.save(bank_link, replace(followed, vendor=consent.vendor))
            self.publish(work, followed)

    async def _replace_older(self, work: UnitOfWork, newest: Consent) -> None:
        now = self._clock.now()
        for older in await work.consents.of_bank_link(newest.bank_link_id, ConsentStatus.ACTIVE):
            if older.id != newest.id:
                await work.consents.save(older, older.apply(ConsentStatus.REPLACED))
                await self.leave_accounts(work, older)
                work.jobs.enqueue(RevokeConsent(older.user_id, older.id), now=now)

    def _follow_up(self, work: UnitOfWork, consent: Consent) -> None:
        now = self._clock.now()
        user_id, tell_at = consent.user_id, max(now, consent.ends_at - _TOLD_BEFORE)
        work.jobs.enqueue(FetchAccounts(user_id, consent.id), due_at=now + _FETCH_AGAIN, now=now)
        work.jobs.enqueue(AskConsent(user_id, consent.id), due_at=consent.ends_at, now=now)
        work.jobs.enqueue(TellOfExpiry(user_id, consent.id), due_at=tell_at, now=now)

    async def count_unreadable(self, work: UnitOfWork, consent: Consent, unreadable: int) -> None:
        """Show how many accounts the bank listed in an unreadable form, within the caller's transaction.

        Raises StaleVersion.
        """
        before = await work.bank_links.get(consent.user_id, consent.bank_link_id)
        assert before is not None
        if before.unreadable_accounts != unreadable:
            after = replace(before, unreadable_accounts=unreadable, version=before.version + 1)
            await work.bank_links.save(before, after)
            self.publish(work, after)

    async def leave_accounts(self, work: UnitOfWork, ended: Consent) -> None:
        """Publish the accounts that are unavailable with the ended consent, within the caller's transaction."""
        account_ids = [account.id for account in await work.accounts.left_by(ended.user_id, ended.id)]
        await work.accounts.raise_versions(account_ids)
        await publish_accounts(work, ended.user_id, account_ids, self._clock.now())

    def publish(self, work: UnitOfWork, bank_link: BankLink, change: ChangeKind = ChangeKind.UPDATED) -> None:
        """Append the bank link's version to its user's stream, within the caller's transaction."""
        fields, now = bank_link_fields(bank_link), self._clock.now()
        work.publish(NewEvent(bank_link.user_id, EventKind.BANK_LINK, bank_link.id, fields, now, change))
