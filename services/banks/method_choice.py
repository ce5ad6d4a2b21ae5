"""The user's choice among the methods by which a bank lets a consent be given."""

from dataclasses import dataclass

from db.unit_of_work import Read, UnitOfWork, Work
from domain.authorisation import Authorisation, Choice, SealedAuthorisation
from domain.clock import Clock
from domain.consent import BankLink, Consent, ConsentStatus
from domain.device import Device
from domain.errors import NotFound, Unavailable
from domain.ids import BankLinkId, UserId
from providers.open_banking.port import AccountInformation, NotApprovable
from providers.vendors import Vendors
from services.authorisations import Authorisations, bank_silent, method_refused, nothing_to_choose, require_offered
from services.banks.consent_access import ConsentAccesses
from services.banks.consent_approvals import ConsentApprovals
from services.banks.consents import ConsentStatusSync
from services.shield import Shield


@dataclass(frozen=True, slots=True)
class ChosenMethod:
    """A bank link once its user has chosen, and how they give the consent; None if that is not new, or not known."""

    bank_link: BankLink
    awaited: Authorisation | None


class ConsentMethodChoice:
    """Tells the bank the user's choice, once: where the answer is lost, the bank is asked what became of it.

    The choice is stored as sent before the bank hears of it, so that of two that are made at once one is sent.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[AccountInformation],
        consents: ConsentStatusSync,
        approvals: ConsentApprovals,
        access: ConsentAccesses,
        authorisations: Authorisations,
        shield: Shield,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._consents = consents
        self._approvals = approvals
        self._access = access
        self._authorisations = authorisations
        self._shield = shield
        self._clock = clock

    async def choose(self, user_id: UserId, bank_link_id: BankLinkId, method: str, device: Device) -> ChosenMethod:
        """Go on with the newest consent by that method. Raises NotFound, InvalidState, ProviderUnavailable."""
        async with self._read() as read:
            if await read.bank_links.get(user_id, bank_link_id) is None:
                raise NotFound("There is no such bank link.", field=("input", "bankLinkId"))
            waiting = await read.consents.of_bank_link(bank_link_id, ConsentStatus.AWAITING_AUTHORISATION)
        consent = waiting[0] if waiting else None
        choice = self._authorisations.opened_choice(consent.authorisation if consent is not None else None)
        if consent is None or choice is None:
            raise nothing_to_choose("bankLinkId")
        require_offered(choice, method)
        try:
            awaited = await self._shield.run(self._choose(consent, choice, method, device))
        except Unavailable as error:
            raise bank_silent() from error
        async with self._read() as read:
            bank_link = await read.bank_links.get(user_id, bank_link_id)
        assert bank_link is not None
        return ChosenMethod(bank_link, awaited)

    async def _choose(self, consent: Consent, choice: Choice, method: str, device: Device) -> Authorisation | None:
        vendor, access = self._vendors[consent.vendor], await self._access.of(consent, device)
        if choice.sent_at is not None:
            await self._consents.apply(consent.user_id, consent.id, await vendor.consent_state(access))
        sent = await self._claimed(consent)
        if sent is None:
            return None
        try:
            awaited = await vendor.choose_consent_method(access, method, choice.redirect_uri)
        except NotApprovable as error:
            await self._show(consent, self._authorisations.taken_back(sent))
            raise method_refused() from error
        if awaited is None:
            await self._consents.apply(consent.user_id, consent.id, await vendor.consent_state(access))
        else:
            await self._show(consent, self._authorisations.sealed(awaited))
        return awaited

    async def _claimed(self, consent: Consent) -> SealedAuthorisation | None:
        """The choice, stored as sent now; None if the bank was told just now, or nothing is awaited any more."""
        now = self._clock.now()
        async with self._work() as work:
            stored = await self._stored(work, consent)
            choice = self._authorisations.opened_choice(stored)
            if stored is None or choice is None or choice.is_on_its_way(now):
                return None
            sent = self._authorisations.sent(stored, now)
            await work.consents.save_authorisation(consent.id, sent)
            # Whatever the answer, or none: the bank is asked until the consent is given.
            self._approvals.enqueue_watch(work, consent, sent.expires_at)
            await work.commit()
            return sent

    async def _show(self, consent: Consent, stored: SealedAuthorisation) -> None:
        """Store and push what is awaited now, unless an update was faster."""
        async with self._work() as work:
            if self._authorisations.opened_choice(await self._stored(work, consent)) is not None:
                await self._consents.show_sealed(work, consent, stored)
                await work.commit()

    async def _stored(self, work: UnitOfWork, consent: Consent) -> SealedAuthorisation | None:
        current = await work.consents.get(consent.user_id, consent.id)
        is_awaited = current is not None and current.status is ConsentStatus.AWAITING_AUTHORISATION
        return current.authorisation if current is not None and is_awaited else None
