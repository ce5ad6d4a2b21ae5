"""Card payments: creating, confirming, cancelling and refunding them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from db.ids import new_id
from db.unit_of_work import Read, Work, retry_on_stale
from domain import ids, way_back
from domain.account_number import AccountNumber
from domain.card_payment import (
    CardForm,
    CardPaymentInput,
    CardPaymentOrder,
    PaymentAttempt,
    card_payment_order,
    check_confirmation,
)
from domain.clock import Clock
from domain.dispute import Dispute
from domain.errors import InDoubt, InvalidState, NotFound, PaymentInDoubt, Unavailable
from domain.event import ChangeKind
from domain.idempotency import fingerprint_of
from domain.ids import AttemptId, DisputeId, PaymentId, RefundId, UserId
from domain.input import require_key
from domain.kyc import require_approved
from domain.money import Money
from domain.page import Keyset
from domain.payment import Payment, PaymentCause, PaymentEvent, PaymentEventKind, Rail, Status, StatusUpdate
from domain.redirect import require_allowed, with_query
from domain.refund import Refund, refundable
from domain.timeline import TimelineKind, about, record
from domain.way_back import WayBack
from providers.card_payments.port import CardPaymentsProvider
from providers.vendors import Vendors
from services.idempotency import earlier, keep, known
from services.payments.card_status import RECOVER_AFTER, CardStatusSync
from services.payments.card_vendor import AWAY, unavailable
from services.payments.customers import Customers
from services.payments.record import PaymentRecorder, Step
from services.shield import Shield, as_it_stands
from services.tokens import hash_of, new_token

_CREATE: Final = "createCardPayment"
_CONFIRM: Final = "confirmCardPayment"
_REFUND: Final = "refundPayment"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Merchant:
    """The creditor of card payments: Drop itself, for its own services."""

    name: str
    account: AccountNumber


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A try to pay. After 3-D Secure the browser goes to our `callback_uri`, then to the client's `return_to`."""

    payment_id: PaymentId
    payment_method: str
    idempotency_key: str
    callback_uri: str
    return_to: str

    @property
    def fingerprint(self) -> str:
        """An idempotency key sent again must come with the same."""
        return fingerprint_of(self.payment_id, self.payment_method)


class CardPayments:
    """Money from cards: created, confirmed once per idempotency key, cancelled, refunded, and read.

    A payment is committed before the card vendor is called, and the vendor is called outside of any transaction.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardPaymentsProvider],
        customers: Customers,
        card_status: CardStatusSync,
        recorder: PaymentRecorder,
        shield: Shield,
        clock: Clock,
        merchant: Merchant,
        return_origins: tuple[str, ...],
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._customers = customers
        self._card_status = card_status
        self._recorder = recorder
        self._shield = shield
        self._clock = clock
        self._merchant = merchant
        self._return_origins = return_origins

    async def refunds(self, payment_ids: Sequence[PaymentId], keyset: Keyset) -> dict[PaymentId, list[Refund]]:
        """A page of each payment's refunds, oldest first. The caller has read the payments for their user."""
        async with self._read() as read:
            return await read.refunds.page(payment_ids, keyset)

    async def refunds_by_ids(self, user_id: UserId, wanted: Sequence[RefundId]) -> list[Refund]:
        """The refunds among these that are of the user's payments."""
        async with self._read() as read:
            return await read.refunds.by_ids(user_id, wanted)

    async def disputes(self, payment_ids: Sequence[PaymentId]) -> dict[PaymentId, list[Dispute]]:
        """By payment, oldest first. The caller has read the payments for their user, so no user id is checked."""
        async with self._read() as read:
            return await read.refunds.disputes_of(payment_ids)

    async def disputes_by_ids(self, user_id: UserId, wanted: Sequence[DisputeId]) -> list[Dispute]:
        """The disputes among these that are of the user's payments."""
        async with self._read() as read:
            return await read.refunds.disputes_by_ids(user_id, wanted)

    def form(self, payment: Payment) -> CardForm | None:
        """The vendor's form for the payer's card, None until the vendor has answered. Raises ProviderUnavailable."""
        if payment.vendor_payment_id is None or payment.client_secret is None:
            return None
        try:
            return self._vendors[payment.vendor].form(payment.vendor_payment_id, payment.client_secret)
        except Unavailable as error:
            raise unavailable() from error

    async def create(self, user_id: UserId, given: CardPaymentInput) -> Payment:
        """Register a card payment; the same key gives the same payment.

        Raises Refusals, KycRequired, IdempotencyKeyReused.
        """
        before = await known(self._read, user_id, _CREATE, given.idempotency_key, given.fingerprint)
        if before is not None:
            return await self._owned(user_id, PaymentId(before))
        order = card_payment_order(user_id, given)
        payment, is_new = await retry_on_stale(lambda: self._create(order))
        if not is_new:
            return payment
        registering = self._register(order, payment)
        return await self._shield.run(registering, instead=lambda: self._card_status.current(payment))

    async def _register(self, order: CardPaymentOrder, payment: Payment) -> Payment:
        try:
            customer = await self._customers.ensure(order.user_id, payment.vendor)
            state = await self._vendors[payment.vendor].create(payment, customer)
        except InDoubt:
            now = self._clock.now()
            return await self._step(payment, lambda current: current.marked_in_doubt(now))
        except Unavailable:
            card_status = StatusUpdate(Status.FAILED, PaymentCause.VENDOR_UNAVAILABLE, self._clock.now(), AWAY)
            return await self._step(payment, lambda current: current.apply(card_status))
        return await self._card_status.apply(payment, state, PaymentCause.VENDOR_REPLY)

    async def confirm(self, user_id: UserId, given: Confirmation) -> Payment:
        """Charge a payment method; the same key gives the same try. A declined card is in the payment's `failure`.

        Raises Refusals, InvalidInput, NotFound, InvalidState, PaymentInDoubt, KycRequired, IdempotencyKeyReused.
        """
        tried = await known(self._read, user_id, _CONFIRM, given.idempotency_key, given.fingerprint)
        if tried is not None:
            return await self._owned(user_id, given.payment_id)
        check_confirmation(given.payment_method, given.idempotency_key)
        return_to = require_allowed(given.return_to, self._return_origins, field=("input", "returnTo"))
        state = new_token()
        return_uri = with_query(given.callback_uri, state=state)
        payment, attempt = await retry_on_stale(
            lambda: self._begin(user_id, given, hash_of(state), return_to, return_uri)
        )
        if attempt is None:
            return payment
        charging = self._charge(payment, given.payment_method, attempt, return_uri)
        return await self._shield.run(charging, instead=lambda: self._card_status.current(payment))

    async def _charge(self, payment: Payment, method: str, attempt: AttemptId, return_uri: str) -> Payment:
        try:
            charged = await self._card_status.charge(payment, method, attempt, return_uri)
        except InDoubt:
            return await self._card_status.doubt(payment, attempt)
        except Unavailable:
            now = self._clock.now()
            away = StatusUpdate(Status.AUTHORISATION_REQUIRED, PaymentCause.VENDOR_UNAVAILABLE, now, AWAY)
            after, _ = await self._recorder.apply(
                payment, lambda current: current.apply(away), also=lambda work: work.attempts.record(attempt, now)
            )
            return after
        try:
            return await self._card_status.apply(payment, charged, PaymentCause.VENDOR_REPLY, attempt)
        except Unavailable:
            # Another update was saved meanwhile, and which is newer could not be read: the queued job asks again.
            return await self._card_status.current(payment)

    async def cancel(self, payment: Payment, cause: PaymentCause = PaymentCause.USER) -> Payment:
        """End a payment that is not paid. Where that is not known, the payment as it stands is asked about soon.

        Raises InvalidState, PaymentInDoubt, ProviderUnavailable (nothing was done).
        """
        payment.require_cancellable()
        if payment.vendor_payment_id is None:
            message = "The payment is on its way to the vendor. Try again in a minute."
            raise InvalidState(message, field=("input", "id"), text="PAYMENT_ON_ITS_WAY")
        try:
            state = await self._vendors[payment.vendor].cancel(payment.vendor_payment_id)
        except Unavailable as error:
            raise unavailable() from error
        except InDoubt:
            return await self._card_status.ask_soon(payment)
        try:
            after = await self._card_status.apply(payment, state, cause)
        except (Unavailable, InDoubt):
            return await self._card_status.ask_soon(payment)
        if after.status is not Status.CANCELLED:
            message = f"It is too late: the payment is {after.status}."
            raise InvalidState(message, field=("input", "id"), text="PAYMENT_NOT_CANCELLABLE")
        return after

    async def refund(
        self, user_id: UserId, payment_id: PaymentId, wanted: Money | None, idempotency_key: str
    ) -> tuple[Payment, Refund]:
        """Give an amount back, or all that remains; the same key gives the same refund.

        Raises Refusals, NotFound, InvalidState, InvalidInput, IdempotencyKeyReused.
        """
        fingerprint = fingerprint_of(payment_id, wanted and (wanted.amount_minor, wanted.currency))
        before = await known(self._read, user_id, _REFUND, idempotency_key, fingerprint)
        if before is not None:
            async with self._read() as read:
                (given,) = await read.refunds.by_ids(user_id, [RefundId(before)])
            return await self._owned(user_id, payment_id), given
        require_key(idempotency_key)
        payment, refund, is_new = await retry_on_stale(
            lambda: self._begin_refund(user_id, payment_id, wanted, idempotency_key, fingerprint)
        )
        if is_new:
            await self._shield.run(self._send_refund(payment, refund), instead=as_it_stands)
        async with self._read() as read:
            (current,) = await read.refunds.by_ids(user_id, [refund.id])
        return await self._card_status.current(payment), current

    async def _send_refund(self, payment: Payment, refund: Refund) -> None:
        try:
            await self._card_status.send_refund(payment, refund)
        except (InDoubt, Unavailable):
            _log.warning("refund_unanswered", refund_id=refund.id)  # the refund's job repeats it under the same key

    async def finish(self, payment: Payment) -> WayBack:
        """Ask the vendor when the payment's own user is back. Gives what became of it."""
        about(payment.id, payment.user_id)
        record(TimelineKind.REDIRECT, "back from the card's page", "the card vendor is asked")
        try:
            await self._card_status.refresh(payment.user_id, payment.id, PaymentCause.USER_RETURNED)
        except (Unavailable, InDoubt):
            _log.warning("payment_return_unread", payment_id=payment.id)  # webhook or job ask again
        async with self._read() as read:
            current = await read.payments.get(payment.user_id, payment.id)
        return way_back.of_payment(current or payment)

    async def _create(self, order: CardPaymentOrder) -> tuple[Payment, bool]:
        key, fingerprint = order.idempotency_key, order.fingerprint
        async with self._work() as work:
            await work.users.hold(order.user_id)
            taken = await earlier(work, order.user_id, _CREATE, key, fingerprint)
            if taken is not None:
                about(PaymentId(taken), order.user_id)
                payment = await work.payments.get(order.user_id, PaymentId(taken))
                assert payment is not None
                return payment, False
            require_approved((await work.kyc.of_user(order.user_id)).status)
            payment = self._new_payment(order, await self._customers.vendor_of(work, order.user_id))
            created = PaymentEvent(payment.id, payment.version, payment.status, PaymentCause.USER, payment.created_at)
            await work.payments.add(payment, created, state_hash=hash_of(new_token()), return_to="/")
            await keep(work, order.user_id, _CREATE, key, fingerprint, payment.id, payment.created_at)
            self._recorder.publish(work, payment, ChangeKind.CREATED)
            self._card_status.enqueue_ask(work, payment, RECOVER_AFTER)
            await work.commit()
        return payment, True

    def _new_payment(self, order: CardPaymentOrder, vendor: str) -> Payment:
        now = self._clock.now()
        payment_id = PaymentId(new_id(ids.PAYMENT, now))
        return Payment(
            id=payment_id,
            user_id=order.user_id,
            vendor=vendor,
            amount=order.amount,
            creditor_name=self._merchant.name,
            creditor_account=self._merchant.account,
            created_at=now,
            rail=Rail.CARD,
            message=order.description,
            end_to_end_id=ids.end_to_end_id_of(payment_id),
            version=1,
        )

    async def _begin(
        self, user_id: UserId, given: Confirmation, state_hash: str, return_to: str, return_uri: str
    ) -> tuple[Payment, AttemptId | None]:
        now = self._clock.now()
        async with self._work() as work:
            payment = await work.payments.get(user_id, given.payment_id)
            if payment is None or payment.rail is not Rail.CARD:
                raise NotFound("There is no such card payment.", field=("input", "id"))
            about(payment.id, user_id)
            if await earlier(work, user_id, _CONFIRM, given.idempotency_key, given.fingerprint) is not None:
                return payment, None
            require_approved((await work.kyc.of_user(user_id)).status)
            _require_payable(payment)
            identifier = AttemptId(new_id(ids.ATTEMPT, now))
            attempt = PaymentAttempt(identifier, payment.id, given.payment_method, return_uri, now)
            # The payment's row is written first: two tries at once then lock in the same order, without a deadlock.
            await work.payments.renew_state(payment.id, state_hash, return_to)
            await work.attempts.add(attempt)
            await keep(work, user_id, _CONFIRM, given.idempotency_key, given.fingerprint, attempt.id, now)
            self._card_status.enqueue_ask(work, payment, RECOVER_AFTER)
            await work.commit()
        return payment, attempt.id

    async def _begin_refund(
        self, user_id: UserId, payment_id: PaymentId, wanted: Money | None, key: str, fingerprint: str
    ) -> tuple[Payment, Refund, bool]:
        now = self._clock.now()
        async with self._work() as work:
            payment = await work.payments.get(user_id, payment_id)
            if payment is None:
                raise NotFound("There is no such payment.", field=("input", "id"))
            about(payment_id, user_id)
            taken = await earlier(work, user_id, _REFUND, key, fingerprint)
            if taken is not None:
                (refund,) = await work.refunds.by_ids(user_id, [RefundId(taken)])
                return payment, refund, False
            amount = refundable(payment, await work.refunds.disputes_of_one(payment_id), wanted)
            refund = Refund(RefundId(new_id(ids.REFUND, now)), payment_id, amount, now, now)
            await work.refunds.put(refund, user_id)
            # Saved over the payment's version: of two refunds at once, the second must count the first.
            after, event = payment.with_event(PaymentEventKind.REFUND, PaymentCause.USER, now)
            after = await self._recorder.save(work, payment, after, event)
            await keep(work, user_id, _REFUND, key, fingerprint, refund.id, now)
            self._card_status.enqueue_refund(work, payment, refund, RECOVER_AFTER)
            await work.commit()
        return after, refund, True

    async def _owned(self, user_id: UserId, payment_id: PaymentId) -> Payment:
        about(payment_id, user_id)
        async with self._read() as read:
            payment = await read.payments.get(user_id, payment_id)
        assert payment is not None  # an idempotency key of this user leads to it
        return payment

    async def _step(self, payment: Payment, step: Step) -> Payment:
        after, _ = await self._recorder.apply(payment, step)
        return after


def _require_payable(payment: Payment) -> None:
    if payment.in_doubt:
        raise PaymentInDoubt
    if payment.status is not Status.AUTHORISATION_REQUIRED or payment.vendor_payment_id is None:
        message = f"The payment is {payment.status}: there is nothing to confirm."
        raise InvalidState(message, field=("input", "id"), text="NOTHING_TO_CONFIRM")
