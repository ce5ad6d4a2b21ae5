"""KYC: starting, trying again, and applying the vendor's reviews."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from db.events import NewEvent
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.errors import InvalidState, NotFound, ProviderUnavailable, StaleVersion, Unavailable
from domain.event import EventKind
from domain.ids import UserId
from domain.job import Job
from domain.kyc import Kyc, KycStatus, Review
from domain.outcome import Outcome
from domain.redirect import require_allowed
from domain.snapshot import kyc_fields
from providers.kyc.port import AccessToken, KycProvider
from providers.vendors import Vendors
from services.backoff import longer
from services.cards.cards import FreezeCards
from services.notifications.compose import NotificationComposer

# A webhook reports each review; a job asks, too, in case that the webhook was lost.
_FIRST_ASK: Final = timedelta(minutes=5)
_LAST_ASK: Final = timedelta(hours=12)
# A verdict may be withdrawn at any time; its webhook alone would tell.
_APPROVED_ASK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class StartedKyc:
    """The application, and the token that opens the vendor's page for 30 minutes."""

    kyc: Kyc
    token: AccessToken


def _away(error: Unavailable) -> ProviderUnavailable:
    unavailable = ProviderUnavailable(
        "kyc", "Verification temporarily unavailable. Try again soon.", text="VERIFICATION_AWAY"
    )
    unavailable.__cause__ = error
    return unavailable


@dataclass(frozen=True, slots=True)
class AskKycVendor(Job):
    """Ask the KYC vendor for its review, and again after a longer pause while it is PENDING."""

    kind: ClassVar[str] = "ask_kyc_vendor"
    user_id: UserId
    pause_s: float

    @property
    def row_id(self) -> str:
        return self.user_id


@dataclass(frozen=True, slots=True)
class CancelUnauthorised(Job):
    """Cancel the payments that a user who lost the KYC approval has not authorised."""

    kind: ClassVar[str] = "cancel_unauthorised_payments"
    user_id: UserId


async def may_still_pay(work: UnitOfWork, user_id: UserId, now: datetime) -> bool:
    """Whether the user may be shown what approves or pays a new payment, in the transaction that stores it.

    The KYC approval may be lost while the vendor is first asked. The payment, which had no id that could be cancelled
    by then, is cancelled by a job.
    """
    if (await work.kyc.of_user(user_id)).status is KycStatus.APPROVED:
        return True
    work.jobs.enqueue(CancelUnauthorised(user_id), now=now)
    return False


class KycService:
    """KYC of a user: started, tried again, and moved by the vendor's newest review.

    Each method commits its own transactions; the vendor is called outside of any.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[KycProvider],
        notifications: NotificationComposer,
        clock: Clock,
        *,
        return_origins: tuple[str, ...],
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._notifications = notifications
        self._clock = clock
        self._return_origins = return_origins

    async def of_users(self, user_ids: Sequence[UserId]) -> list[Kyc]:
        async with self._read() as read:
            return await read.kyc.of_users(user_ids)

    async def start(self, user_id: UserId, return_to: str | None = None) -> StartedKyc:
        """Make the applicant, with a token for 30 minutes. Safe to repeat.

        Raises InvalidInput (`returnTo`), InvalidState, ProviderUnavailable.
        """
        return_to = self._allowed(return_to)
        kyc, name = await self._application(user_id)
        if kyc.status not in (KycStatus.NOT_STARTED, KycStatus.PENDING):
            raise InvalidState(f"Your verification is {kyc.status}.", text="VERIFICATION_NOT_OPEN")
        vendor = self._vendors[kyc.vendor]
        try:
            if kyc.status is KycStatus.NOT_STARTED:
                applicant_id = await vendor.create_applicant(user_id, name)
                kyc = await retry_on_stale(lambda: self._save_start(user_id, applicant_id))
            token = await vendor.get_access_token(user_id, return_to)
        except Unavailable as error:
            raise _away(error) from error
        return StartedKyc(kyc, token)

    async def retry(self, user_id: UserId, return_to: str | None = None) -> StartedKyc:
        """Submit again after a retry was required. Raises as `start`."""
        return_to = self._allowed(return_to)
        kyc, _ = await self._application(user_id)
        kyc.require_retry()
        vendor = self._vendors[kyc.vendor]
        try:
            await vendor.submit_again(kyc.applicant_id or "")
            token = await vendor.get_access_token(user_id, return_to)
        except Unavailable as error:
            raise _away(error) from error
        kyc = await retry_on_stale(lambda: self._save_retry(user_id))
        return StartedKyc(kyc, token)

    def _allowed(self, return_to: str | None) -> str | None:
        if return_to is None:
            return None
        return require_allowed(return_to, self._return_origins, field=("input", "returnTo"))

    async def refresh(self, user_id: UserId) -> Outcome:
        """Ask the vendor and apply its review. Gives what that changed. Raises Unavailable."""
        return await retry_on_stale(lambda: self._ask(user_id))

    async def _ask(self, user_id: UserId) -> Outcome:
        kyc, _ = await self._application(user_id)
        if kyc.applicant_id is None:
            return Outcome(False, "the application has not started")
        review = await self._vendors[kyc.vendor].get_verification_result(kyc.applicant_id)
        if review is None:
            return Outcome(False, "the vendor does not know the applicant")
        if review.status is None:
            return Outcome(False, "the vendor sends a status that is not known")
        return await self._apply(kyc, review)

    async def ask_again(self, user_id: UserId, pause_s: float) -> None:
        """Ask while PENDING, after longer and longer pauses, and weekly once APPROVED: a webhook may be lost.

        Nobody asks about a user who has left. Raises Unavailable.
        """
        async with self._read() as read:
            if not await read.users.is_here(user_id):
                return
        await self.refresh(user_id)
        now = self._clock.now()
        async with self._work() as work:
            status = (await work.kyc.of_user(user_id)).status
            pause = _APPROVED_ASK if status is KycStatus.APPROVED else longer(pause_s, _LAST_ASK)
            if status in (KycStatus.PENDING, KycStatus.APPROVED):
                # The chain of an approved user starts anew should the approval be lost.
                pause_s = _FIRST_ASK.total_seconds() if status is KycStatus.APPROVED else pause.total_seconds()
                await work.jobs.enqueue_next(AskKycVendor(user_id, pause_s), due_at=now + pause, now=now)
                await work.commit()

    async def _application(self, user_id: UserId) -> tuple[Kyc, str]:
        async with self._read() as read:
            user = await read.users.get(user_id)
            if user is None:
                raise NotFound("There is no such user.")
            return await read.kyc.of_user(user_id), user.name

    async def _save_start(self, user_id: UserId, applicant_id: str) -> Kyc:
        async with self._work() as work:
            before = await work.kyc.of_user(user_id)
            after = before.start(applicant_id, self._clock.now())
            if after is not before:
                await self._save(work, before, after)
                self._enqueue_ask(work, user_id, _FIRST_ASK)
                await work.commit()
            return after

    async def _save_retry(self, user_id: UserId) -> Kyc:
        async with self._work() as work:
            before = await work.kyc.of_user(user_id)
            # A webhook with the review of the new submission may have been applied already.
            if not before.can_retry:
                return before
            after = before.retry()
            await self._save(work, before, after)
            self._enqueue_ask(work, user_id, _FIRST_ASK)
            await work.commit()
            return after

    async def _apply(self, asked: Kyc, review: Review) -> Outcome:
        async with self._work() as work:
            before = await work.kyc.of_user(asked.user_id)
            # The user may have submitted again while the vendor was asked, or another answer, perhaps a newer one, may
            # have been taken: this answer is then of the past, and the vendor is asked again.
            if (before.version, before.newest_review_at) != (asked.version, asked.newest_review_at):
                raise StaleVersion
            after = before.apply(review)
            if after is before:
                return Outcome(False, "nothing new")
            if after.version == before.version:
                await work.kyc.save(before, after)
                await work.commit()
                return Outcome(False, "says the same")
            await self._save(work, before, after)
            if before.status is KycStatus.APPROVED and after.status is not KycStatus.APPROVED:
                now = self._clock.now()
                work.jobs.enqueue(CancelUnauthorised(after.user_id), now=now)
                work.jobs.enqueue(FreezeCards(after.user_id), now=now)
            await work.commit()
            return Outcome(True, f"{before.status} -> {after.status}")

    async def _save(self, work: UnitOfWork, before: Kyc, after: Kyc) -> None:
        await work.kyc.save(before, after)
        await self._notifications.kyc(work, before, after)
        work.publish(NewEvent(after.user_id, EventKind.KYC, after.id, kyc_fields(after), self._clock.now()))

    def _enqueue_ask(self, work: UnitOfWork, user_id: UserId, pause: timedelta) -> None:
        now = self._clock.now()
        work.jobs.enqueue(AskKycVendor(user_id, pause.total_seconds()), due_at=now + pause, now=now)
