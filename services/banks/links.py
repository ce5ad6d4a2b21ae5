"""Bank links: connecting, renewing and ending them, and applying what the banks report of consents."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from db.ids import new_id
from db.unit_of_work import Read, Work, retry_on_stale
from domain import ids
from domain.authorisation import Authorisation, SealedAuthorisation
from domain.bank_account import Bank
from domain.bank_return import Redirects
from domain.clock import Clock, oslo_date
from domain.consent import (
    TEXT_VERSION,
    UNATTENDED_READS_A_DAY,
    BankLink,
    BankLinkEnd,
    BankLinkStatus,
    Consent,
    ConsentStatus,
    ReadsToday,
    longest_valid_until,
)
from domain.device import Device
from domain.errors import (
    ConsentRequired,
    InvalidState,
    NotFound,
    ProviderUnavailable,
    ReadLimitReached,
    Unavailable,
)
from domain.event import ChangeKind
from domain.ids import BankId, BankLinkId, ConsentId, UserId
from domain.notification import Template
from domain.outcome import Outcome
from domain.page import Keyset
from domain.redirect import require_allowed, with_query
from domain.warning import MutationWarning
from providers.open_banking.port import AccountInformation, ConsentRequest, ConsentState, NotApprovable, Psu
from providers.vendors import Vendors
from services.banks.accounts import Accounts
from services.banks.bank_list import BankList
from services.banks.consent_access import ConsentAccesses
from services.banks.consent_approvals import ConsentApprovals
from services.banks.consents import NOT_BACK, AskConsent, ConsentStatusSync, FetchAccounts, RevokeConsent
from services.notifications.compose import NotificationComposer
from services.shield import Shield
from services.tokens import hash_of, new_token

_ALL: Final = Keyset(None, None, 100)
# The bank's page works for fifteen minutes: after that the consent is given, or will never be.
_FIRST_ASK: Final = timedelta(minutes=16)
# How often a bank may be read is counted by days.
_READ_AGAIN: Final = timedelta(days=1)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """A new consent, how the user gives it at the bank (None if no approval follows), and what the bank warns of."""

    bank_link: BankLink
    awaited: Authorisation | None
    warnings: Sequence[MutationWarning] = ()


class BankLinks:
    """Users' access to their banks: connecting, renewing and ending links, with the consents behind them.

    Each method commits its own transactions; a bank is called outside of any. `return_origins` are the front ends to
    which a user may be sent back.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[AccountInformation],
        banks: BankList,
        consents: ConsentStatusSync,
        approvals: ConsentApprovals,
        access: ConsentAccesses,
        shield: Shield,
        accounts: Accounts,
        notifications: NotificationComposer,
        clock: Clock,
        return_origins: tuple[str, ...],
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._banks = banks
        self._consents = consents
        self._approvals = approvals
        self._access = access
        self._shield = shield
        self._accounts = accounts
        self._notifications = notifications
        self._clock = clock
        self._return_origins = return_origins

    async def page(self, user_id: UserId, keyset: Keyset) -> list[BankLink]:
        async with self._read() as read:
            return await read.bank_links.page(user_id, keyset)

    async def count(self, user_id: UserId) -> int:
        """How many banks the user is tied to: one bank link for each at most."""
        async with self._read() as read:
            return await read.bank_links.count(user_id)

    async def by_ids(self, user_id: UserId, bank_link_ids: Sequence[BankLinkId]) -> list[BankLink]:
        async with self._read() as read:
            return await read.bank_links.by_ids(user_id, bank_link_ids)

    async def reads_today(self, bank_link_ids: Sequence[BankLinkId]) -> dict[BankLinkId, ReadsToday]:
        """The readings of today. The caller has read the bank links for their user, so no user id is checked."""
        async with self._read() as read:
            used = await read.bank_links.unattended_reads(bank_link_ids, oslo_date(self._clock.now()))
            last = await read.bank_links.last_reads(bank_link_ids)
        return {
            bank_link: ReadsToday(last.get(bank_link, []), UNATTENDED_READS_A_DAY - used.get(bank_link, 0))
            for bank_link in bank_link_ids
        }

    async def text_versions(self, bank_link_ids: Sequence[BankLinkId]) -> dict[BankLinkId, int]:
        """The version of the text that each active consent was asked for with; the caller has read the bank links."""
        async with self._read() as read:
            return await read.consents.text_versions(bank_link_ids)

    async def awaited(self, bank_link_ids: Sequence[BankLinkId]) -> dict[BankLinkId, SealedAuthorisation]:
        """What is awaited of the user in the bank's app now; the caller has read the bank links for their user."""
        async with self._read() as read:
            return await read.consents.awaited(bank_link_ids)

    async def connect(self, user_id: UserId, bank_id: str, redirects: Redirects) -> ConsentPage:
        """Register a consent and give the bank's page for it. Raises NotFound, InvalidInput, ProviderUnavailable."""
        redirects = self._allowed(redirects)
        bank = await self._bank(bank_id)
        bank_link = await self._bank_link(user_id, BankId(bank.part_of or bank.id))
        return await self._ask_consent(bank_link, redirects)

    async def renew(self, user_id: UserId, bank_link_id: BankLinkId, redirects: Redirects) -> ConsentPage:
        """Register a new consent; the old consent stays ACTIVE until the new one is ACTIVE. Raises as `connect`."""
        redirects = self._allowed(redirects)
        bank_link = await self._owned(user_id, bank_link_id)
        return await self._ask_consent(bank_link, redirects)

    async def disconnect(self, user_id: UserId, bank_link_id: BankLinkId) -> BankLink:
        """End every consent of the bank link, here at once and at the bank by a job. Raises NotFound, InvalidState."""
        await self._owned(user_id, bank_link_id)
        return await retry_on_stale(lambda: self._disconnect(user_id, bank_link_id))

    async def refresh_consent(self, user_id: UserId, consent_id: ConsentId, device: Device | None = None) -> Outcome:
        """Ask the bank how a consent stands and apply the answer. Gives what that changed. Raises Unavailable.

        `device` is that of a present user.
        """
        async with self._read() as read:
            consent = await read.consents.get(user_id, consent_id)
        if consent is None or consent.vendor_consent_id is None:
            return Outcome(False, "the consent never reached the bank")
        at_bank = await self._vendors[consent.vendor].consent_state(await self._access.of(consent, device))
        return await self._consents.apply(user_id, consent_id, at_bank)

    async def ask_consent(self, user_id: UserId, consent_id: ConsentId) -> None:
        """Ask the bank once the consent's page or time has run out, and end the consent then.

        Asked earlier, an active consent is asked about again at its end. Raises Unavailable.
        """
        outcome, now = await self.refresh_consent(user_id, consent_id), self._clock.now()
        async with self._read() as read:
            consent = await read.consents.get(user_id, consent_id)
            kept_until = await read.bank_returns.kept_until(consent_id)
        if consent is None:
            return
        if kept_until is not None and now < kept_until:  # its user may be signing in just now
            await self._ask_at(consent, kept_until)
            return
        overdue = consent.status is ConsentStatus.AWAITING_AUTHORISATION
        ended = consent.status is ConsentStatus.ACTIVE and now >= consent.ends_at
        if overdue or ended:
            state = ConsentState(ConsentStatus.EXPIRED, consent.valid_until)
            await self._consents.apply(user_id, consent_id, state)
            if outcome is NOT_BACK:
                await self._revoke_soon(consent)
        elif consent.status is ConsentStatus.ACTIVE:
            await self._ask_at(consent, consent.ends_at)

    async def _revoke_soon(self, consent: Consent) -> None:
        async with self._work() as work:
            work.jobs.enqueue(RevokeConsent(consent.user_id, consent.id), now=self._clock.now())
            await work.commit()

    async def _ask_at(self, consent: Consent, due_at: datetime) -> None:
        async with self._work() as work:
            job = AskConsent(consent.user_id, consent.id)
            await work.jobs.enqueue_next(job, due_at=due_at, now=self._clock.now())
            await work.commit()

    async def tell_of_expiry(self, user_id: UserId, consent_id: ConsentId) -> None:
        """Queue the message that a consent runs out in a week, unless it is replaced already. Raises Unavailable."""
        names = {bank.id: bank.name for bank in await self._banks.of("NO")}
        async with self._work() as work:
            consent = await work.consents.get(user_id, consent_id)
            if consent is None or consent.status is not ConsentStatus.ACTIVE:
                return
            bank_link = await work.bank_links.get(user_id, consent.bank_link_id)
            assert bank_link is not None
            bank, day = names.get(bank_link.bank_id, bank_link.bank_id), consent.valid_until
            await self._notifications.queue(work, user_id, Template.CONSENT_EXPIRING, bank=bank, expiresOn=day)
            await work.commit()

    async def fetch_accounts(self, user_id: UserId, consent_id: ConsentId) -> None:
        """Read the accounts of a new consent, unattended, unless the user's return has done so for all of them.

        Where the day's readings are used up they are read a day later. Raises Unavailable, ConsentRequired.
        """
        async with self._read() as read:
            is_done = await read.consents.has_all_accounts(consent_id)
        if is_done:
            return
        try:
            await self.fetch(user_id, consent_id, None)
        except ReadLimitReached:
            now = self._clock.now()
            async with self._work() as work:
                work.jobs.enqueue(FetchAccounts(user_id, consent_id), due_at=now + _READ_AGAIN, now=now)
                await work.commit()

    async def revoke(self, user_id: UserId, consent_id: ConsentId) -> None:
        """End a consent at its bank. Safe to repeat. Raises Unavailable."""
        async with self._read() as read:
            consent = await read.consents.get(user_id, consent_id)
        if consent is not None and consent.vendor_consent_id is not None:
            await self._vendors[consent.vendor].revoke_consent(await self._access.of(consent))

    async def end_at_banks(self, user_id: UserId) -> None:
        """End all consents of a user who leaves, now: after the deletion no job could. Raises Unavailable."""
        for bank_link in await self.page(user_id, _ALL):
            if bank_link.status is BankLinkStatus.ACTIVE:
                await self.disconnect(user_id, bank_link.id)
            async with self._read() as read:
                consents = [
                    *await read.consents.of_bank_link(bank_link.id, ConsentStatus.REVOKED),
                    *await read.consents.of_bank_link(bank_link.id, ConsentStatus.AWAITING_AUTHORISATION),
                ]
            for consent in consents:
                await self.revoke(user_id, consent.id)
                if consent.status is ConsentStatus.AWAITING_AUTHORISATION:
                    ended = ConsentState(ConsentStatus.REJECTED, consent.valid_until)
                    await self._consents.apply(user_id, consent.id, ended, BankLinkEnd.DISCONNECTED)

    async def _bank(self, bank_id: str) -> Bank:
        try:
            banks = await self._banks.of("NO")
        except Unavailable as error:
            raise _away(error) from error
        for bank in banks:
            if bank.id == bank_id:
                return bank
        raise NotFound("There is no such bank. `banks` lists them.", field=("input", "bankId"))

    async def _owned(self, user_id: UserId, bank_link_id: BankLinkId) -> BankLink:
        async with self._read() as read:
            bank_link = await read.bank_links.get(user_id, bank_link_id)
        if bank_link is None:
            raise NotFound("There is no such bank link.", field=("input", "bankLinkId"))
        return bank_link

    async def _bank_link(self, user_id: UserId, bank_id: BankId) -> BankLink:
        now = self._clock.now()
        async with self._work() as work:
            await work.users.hold(user_id)
            known = await work.bank_links.at_bank(user_id, bank_id)
            if known is not None:
                return known
            vendor = self._vendors.for_user(user_id, bank=bank_id)
            bank_link = BankLink(BankLinkId(new_id(ids.BANK_LINK, now)), user_id, bank_id, vendor, now)
            await work.bank_links.add(bank_link)
            self._consents.publish(work, bank_link, ChangeKind.CREATED)
            await work.commit()
        return bank_link

    def _allowed(self, redirects: Redirects) -> Redirects:
        return_to = require_allowed(redirects.return_to, self._return_origins, field=("input", "returnTo"))
        return replace(redirects, return_to=return_to)

    async def _ask_consent(self, bank_link: BankLink, redirects: Redirects) -> ConsentPage:
        now, device = self._clock.now(), redirects.device
        vendor = self._vendors.for_user(bank_link.user_id, bank=bank_link.bank_id)
        state, kept = new_token(), self._access.to_keep(device)
        consent = Consent(
            id=ConsentId(new_id(ids.CONSENT, now)),
            user_id=bank_link.user_id,
            bank_link_id=bank_link.id,
            vendor=vendor,
            created_at=now,
            valid_until=longest_valid_until(now),
            text_version=TEXT_VERSION,
        )
        async with self._work() as work:
            await work.users.hold(consent.user_id)
            await work.consents.add(consent, redirects, state_hash=hash_of(state), device_encrypted=kept)
            work.jobs.enqueue(AskConsent(consent.user_id, consent.id), due_at=now + _FIRST_ASK, now=now)
            number = await work.users.national_identity_number(bank_link.user_id)
            await work.commit()
        request = ConsentRequest(
            consent.id,
            bank_link.bank_id,
            Psu(number, device),
            with_query(redirects.callback_uri, state=state),
            consent.valid_until,
        )
        try:
            started = await self._shield.run(self._approvals.begin(consent, request))
        except (Unavailable, NotApprovable) as error:
            await self._consents.apply(
                bank_link.user_id,
                consent.id,
                ConsentState(ConsentStatus.REJECTED, consent.valid_until),
                BankLinkEnd.BANK_UNAVAILABLE,
            )
            if isinstance(error, NotApprovable):
                message = "The bank wants an approval that Drop cannot show."
                raise InvalidState(message, text="APPROVAL_NOT_SUPPORTED") from error
            raise _away(error) from error
        bank_link = await retry_on_stale(lambda: self._await_consent(bank_link.user_id, bank_link.id))
        if started.authorisation is None:
            with suppress(Unavailable, ReadLimitReached, ConsentRequired):  # the queued jobs ask the bank again
                await self.refresh_consent(bank_link.user_id, consent.id, device)
                await self.fetch(bank_link.user_id, consent.id, device)
            bank_link = (await self.by_ids(bank_link.user_id, [bank_link.id]))[0]
        return ConsentPage(bank_link, started.authorisation, started.warnings)

    async def _await_consent(self, user_id: UserId, bank_link_id: BankLinkId) -> BankLink:
        async with self._work() as work:
            before = await work.bank_links.get(user_id, bank_link_id)
            assert before is not None
            if before.status in (BankLinkStatus.ACTIVE, BankLinkStatus.AWAITING_AUTHORISATION):
                return before
            after = replace(
                before,
                status=BankLinkStatus.AWAITING_AUTHORISATION,
                ended_because=None,
                version=before.version + 1,
            )
            await work.bank_links.save(before, after)
            self._consents.publish(work, after)
            await work.commit()
            return after

    async def _disconnect(self, user_id: UserId, bank_link_id: BankLinkId) -> BankLink:
        now = self._clock.now()
        async with self._work() as work:
            before = await work.bank_links.get(user_id, bank_link_id)
            assert before is not None
            if before.status is not BankLinkStatus.ACTIVE:
                message = f"The bank link is {before.status} already."
                raise InvalidState(message, field=("input", "bankLinkId"), text="BANK_LINK_NOT_ACTIVE")
            after = before
            for consent in await work.consents.of_bank_link(bank_link_id, ConsentStatus.ACTIVE):
                ended = consent.apply(ConsentStatus.REVOKED)
                await work.consents.save(consent, ended)
                await self._consents.leave_accounts(work, ended)
                work.jobs.enqueue(RevokeConsent(user_id, consent.id), now=now)
                after = after.apply_consent(ended, BankLinkEnd.DISCONNECTED)
            after = replace(after, version=before.version + 1)
            await work.bank_links.save(before, after)
            self._consents.publish(work, after)
            await work.commit()
            return after

    async def fetch(self, user_id: UserId, consent_id: ConsentId, device: Device | None) -> None:
        """Read the accounts of a consent that is active. Raises Unavailable, ReadLimitReached, ConsentRequired."""
        async with self._read() as read:
            consent = await read.consents.get(user_id, consent_id)
            if consent is None or consent.status is not ConsentStatus.ACTIVE:
                return
            bank_link = await read.bank_links.get(user_id, consent.bank_link_id)
        assert bank_link is not None
        await self._accounts.fetch(consent, bank_link.bank_id, device=device)


def _away(error: Unavailable) -> ProviderUnavailable:
    unavailable = ProviderUnavailable(
        "open_banking", "The bank is temporarily unavailable. Try again soon.", text="BANK_AWAY"
    )
    unavailable.__cause__ = error
    return unavailable
