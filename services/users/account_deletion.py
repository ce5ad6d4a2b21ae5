"""Leaving Drop: open payments and plans end, data that no law keeps is removed, and the user sees what stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.account_deletion import DELETED_USER_NAME, RetainedData, retained_after
from domain.clock import Clock
from domain.errors import InvalidInput, InvalidState, ProviderUnavailable, StaleVersion, Unavailable
from domain.ids import UserId
from domain.payment import PaymentCause, Status
from services.banks.links import BankLinks
from services.cards.cards import Cards
from services.files.data_exports import DataExports
from services.files.uploads import Uploads
from services.notifications.compose import NotificationComposer
from services.payments.cancellations import Cancellations
from services.payments.card_vendor import unavailable
from services.payments.customers import Customers
from services.plans.plans import Plans
from services.users.sessions import Sessions

_OPEN = tuple(status for status in Status if not status.is_final)


@dataclass(frozen=True, slots=True)
class Deleted:
    """When the account was deleted, and until when the law keeps some of its data."""

    at: datetime
    kept: Sequence[RetainedData]


class AccountDeletion:
    """Ends payments, cards, plans and consents at their vendors, then removes the user's rows in one transaction."""

    def __init__(
        self,
        work: Work,
        read: Read,
        bank_links: BankLinks,
        cancellations: Cancellations,
        plans: Plans,
        cards: Cards,
        customers: Customers,
        uploads: Uploads,
        exports: DataExports,
        sessions: Sessions,
        notifications: NotificationComposer,
        clock: Clock,
        years_kept: int,
    ) -> None:
        self._work = work
        self._read = read
        self._bank_links = bank_links
        self._cancellations = cancellations
        self._plans = plans
        self._cards = cards
        self._customers = customers
        self._uploads = uploads
        self._exports = exports
        self._sessions = sessions
        self._notifications = notifications
        self._clock = clock
        self._years_kept = years_kept

    async def delete(self, user_id: UserId, *, is_confirmed: bool) -> Deleted:
        """Safe to repeat after an error.

        Raises InvalidInput, InvalidState (an open payment), ProviderUnavailable, and StaleVersion where another tab
        goes on beginning new things.
        """
        if not is_confirmed:
            raise InvalidInput("CONFIRMATION_REQUIRED", "Send confirm: true.", field=("input", "confirm"))
        return await retry_on_stale(lambda: self._delete(user_id))

    async def _delete(self, user_id: UserId) -> Deleted:
        await self._end_what_is_under_way(user_id)
        now = self._clock.now()
        async with self._work() as work:
            await work.users.hold(user_id)
            await self._require_no_open_payment(work, user_id)
            if await self._is_under_way(work, user_id):
                raise StaleVersion  # begun in another tab since: it is ended first
            # Within the transaction: whoever cannot leave yet stays signed in.
            ended = await self._sessions.end_all_within(work, user_id)
            await self._uploads.forget(work, user_id)
            await self._exports.forget(work, user_id)
            await self._customers.forget(work, user_id)
            leaving = await work.users.get(user_id)
            assert leaving is not None
            await work.personal_data.forget(user_id, now, DELETED_USER_NAME)
            self._notifications.account_deleted(work, leaving)
            work.audit.record("account_deleted", now, user_id=user_id)
            await work.commit()
        self._sessions.close(ended)
        return Deleted(now, retained_after(now, self._years_kept))

    async def _require_no_open_payment(self, read: Queries, user_id: UserId) -> None:
        unfinished = await read.payments.open_of_user(user_id, _OPEN)
        if unfinished:
            raise InvalidState(
                f"A payment is {unfinished[0].status}: wait until it has ended, then delete the account.",
                text="PAYMENT_UNDER_WAY",
            )

    async def _is_under_way(self, work: UnitOfWork, user_id: UserId) -> bool:
        """Whether a vendor holds something that would go on: what has none of its ids yet counts, too."""
        return bool(
            await work.plans.open_of_users([user_id])
            or await work.cards.is_any_open(user_id)
            or await work.consents.is_any_open(user_id)
        )

    async def _end_what_is_under_way(self, user_id: UserId) -> None:
        try:
            await self._cancellations.cancel_unauthorised(user_id, PaymentCause.ACCOUNT_DELETION)
            await self._cards.cancel_all(user_id)
            for _ in await self._plans.open_of_users([user_id]):
                ended = await self._plans.cancel(user_id, at_period_end=False)
                if ended.is_open:
                    raise unavailable()  # what became of it is not known yet
        except Unavailable as error:
            message = "What is under way could not be ended just now. Try again soon."
            raise ProviderUnavailable(error.provider, message, text="NOT_ENDED") from error
        async with self._read() as read:
            await self._require_no_open_payment(read, user_id)
        try:
            await self._bank_links.end_at_banks(user_id)
        except Unavailable as error:
            message = "Your bank could not be told just now. Try again soon."
            raise ProviderUnavailable("open_banking", message, text="BANK_NOT_TOLD") from error
