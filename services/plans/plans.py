"""Plan subscriptions: subscribing, ending, resuming, and showing them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from db.ids import new_id
from db.unit_of_work import Read, Work, retry_on_stale
from domain import ids, way_back
from domain.card_payment import check_confirmation
from domain.clock import Clock
from domain.errors import (
    InDoubt,
    InvalidInput,
    InvalidState,
    NotFound,
    Unavailable,
)
from domain.event import ChangeKind
from domain.idempotency import fingerprint_of
from domain.ids import PlanInvoiceId, PlanSubscriptionId, UserId
from domain.kyc import require_approved
from domain.page import Keyset
from domain.payment import PaymentCause
from domain.plan import PLANS, PlanInvoice, PlanPayment, PlanStatus, PlanSubscription
from domain.redirect import require_allowed, with_query
from domain.way_back import WayBack
from providers.card_payments.port import CardPaymentsProvider, SubscriptionState
from providers.vendors import Vendors
from services.idempotency import earlier, keep, known
from services.payments.card_vendor import AWAY, unavailable
from services.payments.customers import Customers
from services.plans.status import RECOVER_AFTER, PlanStatusSync
from services.shield import Shield, as_it_stands
from services.tokens import hash_of, new_token

_CREATE: Final = "createPlanSubscription"
_PAY: Final = "updatePlanPaymentMethod"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CardOrder:
    """A payment method as the client gives it. The browser comes back to our `callback_uri`, then `return_to`."""

    payment_method: str
    idempotency_key: str
    callback_uri: str
    return_to: str

    @property
    def fingerprint(self) -> str:
        """An idempotency key sent again must come with the same."""
        return fingerprint_of(self.payment_method)


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """A subscription as the client asks for it, and how it is paid."""

    plan_id: str
    payment: CardOrder

    @property
    def fingerprint(self) -> str:
        """An idempotency key sent again must come with the same."""
        return fingerprint_of(self.plan_id, self.payment.payment_method)


class Plans:
    """Plan subscriptions of a user, one open one at a time. Each method commits its own transactions."""

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardPaymentsProvider],
        customers: Customers,
        plan_status: PlanStatusSync,
        shield: Shield,
        clock: Clock,
        return_origins: tuple[str, ...],
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._customers = customers
        self._plan_status = plan_status
        self._shield = shield
        self._clock = clock
        self._return_origins = return_origins

    async def open_of_users(self, user_ids: Sequence[UserId]) -> list[PlanSubscription]:
        async with self._read() as read:
            return await read.plans.open_of_users(user_ids)

    async def by_ids(self, user_id: UserId, wanted: Sequence[PlanSubscriptionId]) -> list[PlanSubscription]:
        async with self._read() as read:
            return await read.plans.by_ids(user_id, wanted)

    async def invoices(
        self, subscriptions: Sequence[PlanSubscriptionId], keyset: Keyset
    ) -> dict[PlanSubscriptionId, list[PlanInvoice]]:
        """A page of the invoices of each, newest first. The caller has read the subscriptions for their user."""
        async with self._read() as read:
            return await read.plans.invoices(subscriptions, keyset)

    async def invoices_by_ids(self, user_id: UserId, wanted: Sequence[PlanInvoiceId]) -> list[PlanInvoice]:
        """The invoices among these that are of the user's subscriptions."""
        async with self._read() as read:
            return await read.plans.invoices_by_ids(user_id, wanted)

    async def create(self, user_id: UserId, order: PlanOrder) -> PlanSubscription:
        """Subscribe and pay; the same key gives the same subscription. A declined card is in its `failure`.

        Raises Refusals, InvalidInput, NotFound, InvalidState, KycRequired, IdempotencyKeyReused.
        """
        before = await known(self._read, user_id, _CREATE, order.payment.idempotency_key, order.fingerprint)
        if before is not None:
            return await self._owned(user_id, PlanSubscriptionId(before))
        payment, return_to = self._payment_of(order.payment)
        if order.plan_id not in PLANS:
            raise NotFound("There is no such plan. `plans` lists them.", field=("input", "planId"))
        subscription, is_new = await retry_on_stale(lambda: self._create(user_id, order, payment, return_to))
        if is_new:
            await self._shield.run(self._subscribe(subscription), instead=as_it_stands)
        return await self._plan_status.current(subscription)

    async def _subscribe(self, subscription: PlanSubscription) -> None:
        try:
            await self._plan_status.subscribe(subscription)
        except InDoubt:
            _log.warning(
                "plan_subscription_unanswered", subscription_id=subscription.id
            )  # the queued job asks the vendor again
        except Unavailable:
            await self._plan_status.end(subscription, AWAY)

    async def change_payment_method(self, user_id: UserId, order: CardOrder) -> PlanSubscription:
        """Pay by another method from now on, the open bill at once; the same key gives the same try.

        A declined card is in the plan's `failure`. Raises Refusals, InvalidInput, NotFound, InvalidState, KycRequired,
        IdempotencyKeyReused.
        """
        before = await known(self._read, user_id, _PAY, order.idempotency_key, order.fingerprint)
        if before is not None:
            return await self._owned(user_id, PlanSubscriptionId(before))
        payment, return_to = self._payment_of(order)
        subscription, is_new = await retry_on_stale(lambda: self._begin_payment(user_id, order, payment, return_to))
        if is_new:
            paying = self._pay(user_id, subscription.id, payment.state_hash)
            await self._shield.run(paying, instead=as_it_stands)
        return await self._plan_status.current(subscription)

    async def _pay(self, user_id: UserId, subscription_id: PlanSubscriptionId, state_hash: str) -> None:
        try:
            await self._plan_status.pay(user_id, subscription_id, state_hash)
        except InvalidState as error:
            field, text = ("input", "paymentMethod"), error.text_key
            raise InvalidInput("INVALID_PAYMENT_METHOD", error.message, field=field, text=text) from error
        except (InDoubt, Unavailable):
            _log.warning("plan_payment_unanswered", subscription_id=subscription_id)  # the queued job repeats it

    async def cancel(self, user_id: UserId, *, at_period_end: bool) -> PlanSubscription:
        """End the plan now or with its period. Where that is not known, the plan as it stands is asked about soon.

        Raises NotFound, InvalidState, ProviderUnavailable (nothing was done).
        """
        subscription = await self._open(user_id)
        if subscription.status is not PlanStatus.INCOMPLETE:
            subscription.require_running()
        assert subscription.vendor_subscription_id is not None
        # A plan whose first payment was never made has no paid period, so it ends now.
        with_period = at_period_end and subscription.status is not PlanStatus.INCOMPLETE
        vendor, reference = self._vendors[subscription.vendor], subscription.vendor_subscription_id
        return await self._command(
            subscription, lambda: vendor.cancel_subscription(reference, at_period_end=with_period)
        )

    async def resume(self, user_id: UserId) -> PlanSubscription:
        """Keep a plan that was to end with its period. Raises NotFound, InvalidState, ProviderUnavailable, as above."""
        subscription = await self._open(user_id)
        subscription.require_resumable()
        assert subscription.vendor_subscription_id is not None
        vendor, reference = self._vendors[subscription.vendor], subscription.vendor_subscription_id
        return await self._command(subscription, lambda: vendor.resume_subscription(reference))

    async def finish(self, subscription: PlanSubscription) -> WayBack:
        """Ask the vendor when the plan's own user is back. Gives what became of it."""
        try:
            await self._plan_status.ask(subscription, PaymentCause.USER_RETURNED)
        except (Unavailable, InDoubt):
            _log.warning("plan_return_unread", subscription_id=subscription.id)  # webhook or job ask again
        return way_back.of_plan(await self._plan_status.current(subscription))

    async def _command(
        self, subscription: PlanSubscription, send: Callable[[], Awaitable[SubscriptionState]]
    ) -> PlanSubscription:
        await self._shield.run(self._sent(subscription, send), instead=as_it_stands)
        return await self._plan_status.current(subscription)

    async def _sent(self, subscription: PlanSubscription, send: Callable[[], Awaitable[SubscriptionState]]) -> None:
        try:
            await self._plan_status.apply_reply(subscription, await send())
        except Unavailable as error:
            raise unavailable() from error
        except InDoubt:
            _log.warning("plan_command_unanswered", subscription_id=subscription.id)
            await self._plan_status.ask_soon(subscription)

    def _payment_of(self, order: CardOrder) -> tuple[PlanPayment, str]:
        """A new try to pay, and where its user goes in the end. Raises Refusals."""
        check_confirmation(order.payment_method, order.idempotency_key)
        return_to = require_allowed(order.return_to, self._return_origins, field=("input", "returnTo"))
        state = new_token()
        return_url = with_query(order.callback_uri, state=state)
        return PlanPayment(order.payment_method, return_url, hash_of(state)), return_to

    async def _begin_payment(
        self, user_id: UserId, order: CardOrder, payment: PlanPayment, return_to: str
    ) -> tuple[PlanSubscription, bool]:
        now, key, fingerprint = self._clock.now(), order.idempotency_key, order.fingerprint
        async with self._work() as work:
            taken = await earlier(work, user_id, _PAY, key, fingerprint)
            if taken is not None:
                earlier_one = await work.plans.get(user_id, PlanSubscriptionId(taken))
                assert earlier_one is not None
                return earlier_one, False
            require_approved((await work.kyc.of_user(user_id)).status)
            subscription = _at_vendor(await work.plans.open_of_users([user_id]))
            subscription.require_running()
            await work.plans.set_payment(subscription.id, payment, return_to=return_to)
            await keep(work, user_id, _PAY, key, fingerprint, subscription.id, now)
            self._plan_status.enqueue_payment(work, subscription, payment.state_hash)
            await work.commit()
        return subscription, True

    async def _create(
        self, user_id: UserId, order: PlanOrder, payment: PlanPayment, return_to: str
    ) -> tuple[PlanSubscription, bool]:
        now, key, fingerprint = self._clock.now(), order.payment.idempotency_key, order.fingerprint
        async with self._work() as work:
            await work.users.hold(user_id)
            taken = await earlier(work, user_id, _CREATE, key, fingerprint)
            if taken is not None:
                subscription = await work.plans.get(user_id, PlanSubscriptionId(taken))
                assert subscription is not None
                return subscription, False
            require_approved((await work.kyc.of_user(user_id)).status)
            if await work.plans.open_of_users([user_id]):
                raise InvalidState("You have a plan already: cancel it first.", text="HAS_PLAN")
            identifier = PlanSubscriptionId(new_id(ids.PLAN_SUBSCRIPTION, now))
            vendor = await self._customers.vendor_of(work, user_id)
            subscription = PlanSubscription(identifier, user_id, order.plan_id, vendor, now)
            await work.plans.add(subscription, payment, return_to=return_to)
            await keep(work, user_id, _CREATE, key, fingerprint, subscription.id, now)
            self._plan_status.publish(work, subscription, ChangeKind.CREATED)
            self._plan_status.enqueue_ask(work, subscription, RECOVER_AFTER)
            await work.commit()
        return subscription, True

    async def _owned(self, user_id: UserId, subscription_id: PlanSubscriptionId) -> PlanSubscription:
        (subscription,) = await self.by_ids(user_id, [subscription_id])
        return subscription

    async def _open(self, user_id: UserId) -> PlanSubscription:
        return _at_vendor(await self.open_of_users([user_id]))


def _at_vendor(found: Sequence[PlanSubscription]) -> PlanSubscription:
    """The user's open subscription, once the vendor has it. Raises NotFound, InvalidState."""
    for subscription in found:
        if subscription.vendor_subscription_id is None:
            message = "The plan is on its way to the card vendor. Try again in a minute."
            raise InvalidState(message, text="PLAN_ON_ITS_WAY")
        return subscription
    raise NotFound("You have no plan.", text="NO_PLAN")
