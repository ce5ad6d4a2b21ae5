"""Plan subscriptions: subscribing, ending, resuming, and taking the card vendor's word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError

from db.events import Told
from db.ids import new_id
from db.tables.plan import PlanSubscriptionRow
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.card_payment import check_confirmation, fingerprint_of
from domain.clock import Clock
from domain.errors import (
    InDoubt,
    InvalidInput,
    InvalidState,
    NotFound,
    ProviderUnavailable,
    StaleVersion,
    Unavailable,
)
from domain.event import EventKind
from domain.ids import PlanInvoiceId, PlanSubscriptionId, UserId
from domain.kyc import require_approved
from domain.payment import Failure, FailureCode
from domain.plan import PLANS, PlanInvoice, PlanStatus, PlanSubscription, PlanTerms
from domain.redirect import require_allowed, with_query
from domain.snapshot import plan_fields
from providers.card_payments.port import CardPaymentsProvider, SubscriptionState
from providers.vendors import Vendors
from services.customers import Customers
from services.idempotency import earlier, keep
from services.notices import Notices
from services.tokens import hash_of, new_token

ASK_PLAN: Final = "ask_plan_subscription"
_CREATE: Final = "createPlanSubscription"
_RECOVER_AFTER: Final = timedelta(seconds=60)
_LAST_PAUSE: Final = timedelta(hours=6)
# The vendor takes the renewal by itself; this is the net under its webhook.
_AFTER_RENEWAL: Final = timedelta(hours=1)
_AWAY: Final = Failure(FailureCode.PROVIDER_UNAVAILABLE, "The card vendor is temporarily unavailable. Try again soon.")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """A subscription as the client asks for it. `callback_uri` is ours, `return_to` the client's."""

    plan_id: str
    payment_method: str
    idempotency_key: str
    callback_uri: str
    return_to: str


class Plans:
    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardPaymentsProvider],
        customers: Customers,
        notices: Notices,
        clock: Clock,
        return_origins: tuple[str, ...],
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._customers = customers
        self._notices = notices
        self._clock = clock
        self._return_origins = return_origins

    async def open_of_users(self, user_ids: Sequence[UserId]) -> list[PlanSubscription]:
        async with self._read() as read:
            return await read.plans.open_of_users(user_ids)

    async def by_ids(self, user_id: UserId, wanted: Sequence[PlanSubscriptionId]) -> list[PlanSubscription]:
        async with self._read() as read:
            return await read.plans.by_ids(user_id, wanted)

    async def invoices(self, wanted: Sequence[PlanSubscriptionId]) -> dict[PlanSubscriptionId, list[PlanInvoice]]:
        """Of subscriptions that the caller has read for their user."""
        async with self._read() as read:
            return await read.plans.invoices(wanted)

    async def create(self, user_id: UserId, order: PlanOrder) -> PlanSubscription:
        """Subscribe and take the first payment; same key, same subscription. A declined card is in its `failure`.

        Raises Refusals, InvalidInput, NotFound, InvalidState, KycRequired, IdempotencyKeyReused.
        """
        check_confirmation(order.payment_method, order.idempotency_key)
        return_to = require_allowed(order.return_to, self._return_origins, field=("input", "returnTo"))
        if order.plan_id not in PLANS:
            raise NotFound("There is no such plan. `plans` lists them.", field=("input", "planId"))
        state = new_token()
        row = self._row(user_id, order, hash_of(state), return_to, with_query(order.callback_uri, state=state))
        try:
            subscription, is_new = await self._create(row, order)
        except IntegrityError:
            # Two at once: the same key finds what the other made, another key finds the open one.
            subscription, is_new = await self._create(row, order)
        if not is_new:
            return subscription
        try:
            await self._subscribe(subscription)
        except InDoubt:
            _log.warning("plan_subscription_unanswered", subscription_id=subscription.id)  # its job goes on from here
        except Unavailable:
            await self._end(subscription, _AWAY)
        return await self._current(subscription)

    async def cancel(self, user_id: UserId, *, at_period_end: bool) -> PlanSubscription:
        """End the plan now or with its period. Raises NotFound, InvalidState, ProviderUnavailable."""
        subscription = await self._open(user_id)
        if subscription.status is not PlanStatus.INCOMPLETE:
            subscription.require_running()
        assert subscription.vendor_subscription_id is not None
        # What was never paid for has no period to end with.
        with_period = at_period_end and subscription.status is not PlanStatus.INCOMPLETE
        vendor = self._vendors[subscription.vendor]
        try:
            state = await vendor.cancel_subscription(subscription.vendor_subscription_id, at_period_end=with_period)
        except Unavailable as error:
            raise _unavailable() from error
        await self._take_state(subscription, state)
        return await self._current(subscription)

    async def resume(self, user_id: UserId) -> PlanSubscription:
        """Let a plan go on that was to end with its period. Raises NotFound, InvalidState, ProviderUnavailable."""
        subscription = await self._open(user_id)
        subscription.require_resumable()
        assert subscription.vendor_subscription_id is not None
        try:
            state = await self._vendors[subscription.vendor].resume_subscription(subscription.vendor_subscription_id)
        except Unavailable as error:
            raise _unavailable() from error
        await self._take_state(subscription, state)
        return await self._current(subscription)

    async def refresh(self, user_id: UserId, subscription_id: PlanSubscriptionId) -> str:
        """Ask the vendor and take its word; says what that did. Raises Unavailable, InDoubt."""
        async with self._read() as read:
            before = await read.plans.get(user_id, subscription_id)
        if before is None:
            return "the subscription is gone"
        if before.vendor_subscription_id is None:
            if before.is_open:
                await self._subscribe(before)
            after = await self._current(before)
        else:
            state = await self._vendors[before.vendor].subscription(before.vendor_subscription_id)
            after = await self._take_state(before, state)
        if after.version == before.version:
            return f"the plan is {after.status} already"
        return f"{before.status} -> {after.status}"

    async def ask(self, user_id: UserId, subscription_id: PlanSubscriptionId, pause_s: float) -> None:
        """The net under the webhooks: soon while it is new, then after each renewal."""
        await self.refresh(user_id, subscription_id)
        async with self._work() as work:
            subscription = await work.plans.get(user_id, subscription_id)
            if subscription is not None and subscription.is_open:
                self._enqueue_ask(work, subscription, min(timedelta(seconds=pause_s * 2), _LAST_PAUSE))
                await work.commit()

    async def returned(self, state: str) -> str | None:
        """The browser is back from the card's bank; gives where it goes next, None where the state is unknown."""
        async with self._read() as read:
            found = await read.plans.by_state(hash_of(state))
        if found is None:
            return None
        subscription, return_to = found
        try:
            await self.refresh(subscription.user_id, subscription.id)
        except (Unavailable, InDoubt):
            _log.warning("plan_return_unread", subscription_id=subscription.id)  # webhook and job go on from here
        return with_query(return_to, plan=subscription.id)

    def _row(
        self, user_id: UserId, order: PlanOrder, state_hash: str, return_to: str, return_url: str
    ) -> PlanSubscriptionRow:
        now = self._clock.now()
        return PlanSubscriptionRow(
            id=new_id(ids.PLAN_SUBSCRIPTION, now),
            user_id=user_id,
            plan_id=order.plan_id,
            vendor=self._vendors.current,
            payment_method=order.payment_method,
            return_url=return_url,
            state_hash=state_hash,
            return_to=return_to,
            status=PlanStatus.CREATED,
            created_at=now,
        )

    async def _create(self, row: PlanSubscriptionRow, order: PlanOrder) -> tuple[PlanSubscription, bool]:
        user_id, key = UserId(row.user_id), order.idempotency_key
        fingerprint = fingerprint_of(order.plan_id, order.payment_method)
        async with self._work() as work:
            known = await earlier(work, user_id, _CREATE, key, fingerprint)
            if known is not None:
                subscription = await work.plans.get(user_id, PlanSubscriptionId(known))
                assert subscription is not None
                return subscription, False
            require_approved((await work.kyc.of_user(user_id)).status)
            if await work.plans.open_of_users([user_id]):
                raise InvalidState("You have a plan already: cancel it first.")
            values = row.model_dump() | {"vendor": await self._customers.vendor_of(work, user_id)}
            await work.plans.add(PlanSubscriptionRow(**values))
            await keep(work, user_id, _CREATE, key, fingerprint, row.id, row.created_at)
            subscription = await work.plans.get(user_id, PlanSubscriptionId(row.id))
            assert subscription is not None
            self._tell(work, subscription)
            self._enqueue_ask(work, subscription, _RECOVER_AFTER)
            await work.commit()
        return subscription, True

    async def _subscribe(self, subscription: PlanSubscription) -> None:
        """Ask the vendor, under the subscription's own key, so that asking again makes no second one."""
        async with self._read() as read:
            row = await read.plans.row(subscription.id)
            payment_method, return_url = row.payment_method, row.return_url
        customer = await self._customers.ensure(subscription.user_id)
        vendor, plan = self._vendors[subscription.vendor], PLANS[subscription.plan_id]
        try:
            state = await vendor.create_subscription(subscription, plan, customer.reference, payment_method, return_url)
        except InvalidState as error:
            unknown = Failure(FailureCode.INCORRECT_CARD_DETAILS, "The card vendor does not know this payment method.")
            await self._end(subscription, unknown)
            raise InvalidInput("INVALID_PAYMENT_METHOD", unknown.message, field=("input", "paymentMethod")) from error
        await self._take_state(subscription, state)

    async def _take_state(self, asked: PlanSubscription, state: SubscriptionState) -> PlanSubscription:
        async def attempt() -> PlanSubscription:
            nonlocal asked, state
            try:
                return await self._learn(asked, state.terms, state)
            except StaleVersion:
                # News overtook the answer, so which of them is newer is for the vendor to say.
                asked = await self._current(asked)
                state = await self._vendors[asked.vendor].subscription(state.reference)
                raise

        after = await retry_on_stale(attempt)
        # The card was declined: nothing is owed, and another card starts anew.
        if after.status is PlanStatus.INCOMPLETE and after.failure is not None:
            ended = await self._vendors[after.vendor].cancel_subscription(state.reference, at_period_end=False)
            after = await self._learn(after, ended.terms, ended)
        return after

    async def _end(self, subscription: PlanSubscription, failure: Failure) -> None:
        terms = PlanTerms(PlanStatus.ENDED, None, failure=failure)
        await retry_on_stale(lambda: self._end_current(subscription, terms))

    async def _end_current(self, subscription: PlanSubscription, terms: PlanTerms) -> None:
        await self._learn(await self._current(subscription), terms, None)

    async def _learn(
        self, subscription: PlanSubscription, terms: PlanTerms, state: SubscriptionState | None
    ) -> PlanSubscription:
        async with self._work() as work:
            before = await work.plans.get(subscription.user_id, subscription.id)
            assert before is not None
            if before.version != subscription.version:
                raise StaleVersion
            after = before.learn(terms)
            if state is not None:
                await self._take_invoices(work, before, state)
                after = replace(
                    after, vendor_subscription_id=state.reference, authorisation_url=state.authorisation_url
                )
            if after != before:
                await work.plans.save(before, after)
            if after.version != before.version:
                self._tell(work, after)
                await self._notices.plan(work, before, after)
            await work.commit()
            return after

    async def _take_invoices(self, work: UnitOfWork, subscription: PlanSubscription, state: SubscriptionState) -> None:
        known = {
            one.vendor_invoice_id: one
            for one in (await work.plans.invoices([subscription.id])).get(subscription.id, [])
        }
        for one in state.invoices:
            before = known.get(one.reference)
            if before is not None and before.status is one.status:
                continue
            invoice = PlanInvoice(
                id=before.id if before else PlanInvoiceId(new_id(ids.PLAN_INVOICE, self._clock.now())),
                subscription_id=subscription.id,
                vendor_invoice_id=one.reference,
                number=one.number,
                amount=one.amount,
                status=one.status,
                period_start=one.period_start,
                period_end=one.period_end,
                created_at=one.created_at,
            )
            await work.plans.put_invoice(invoice)
            await self._notices.invoice(work, subscription, invoice)

    async def _open(self, user_id: UserId) -> PlanSubscription:
        for subscription in await self.open_of_users([user_id]):
            if subscription.vendor_subscription_id is None:
                raise InvalidState("The plan is on its way to the card vendor. Try again in a minute.")
            return subscription
        raise NotFound("You have no plan.")

    async def _current(self, subscription: PlanSubscription) -> PlanSubscription:
        async with self._read() as read:
            current = await read.plans.get(subscription.user_id, subscription.id)
        assert current is not None
        return current

    def _tell(self, work: UnitOfWork, subscription: PlanSubscription) -> None:
        fields = plan_fields(subscription)
        work.tell(Told(subscription.user_id, EventKind.PLAN_SUBSCRIPTION, subscription.id, fields, self._clock.now()))

    def _enqueue_ask(self, work: UnitOfWork, subscription: PlanSubscription, pause: timedelta) -> None:
        now = self._clock.now()
        payload = {
            "user_id": subscription.user_id,
            "subscription_id": subscription.id,
            "pause_s": pause.total_seconds(),
        }
        due = now + pause
        # Between two renewals nothing happens that no webhook tells of.
        if subscription.status is PlanStatus.ACTIVE and subscription.period_end is not None:
            due = max(due, subscription.period_end + _AFTER_RENEWAL)
        work.jobs.enqueue(ASK_PLAN, payload, due_at=due, now=now)


def _unavailable() -> ProviderUnavailable:
    return ProviderUnavailable("card_payments", "The card vendor is temporarily unavailable. Try again soon.")
