"""The user's choice among the methods by which a bank lets a payment, or its cancellation, be approved."""

from dataclasses import dataclass

from db.unit_of_work import Read, UnitOfWork, Work
from domain.authorisation import Choice, SealedAuthorisation
from domain.clock import Clock
from domain.device import Device
from domain.errors import NotFound, Unavailable
from domain.ids import PaymentId, UserId
from domain.kyc import require_approved
from domain.payment import CancellationStatus, Payment, PaymentCause
from domain.timeline import about
from providers.open_banking.port import NotApprovable, PaymentInitiation
from providers.vendors import Vendors
from services.authorisations import Authorisations, bank_silent, method_refused, nothing_to_choose, require_offered
from services.payments.bank_access import BankAccess
from services.payments.bank_status import BankStatusSync
from services.payments.record import PaymentRecorder
from services.shield import Shield
from services.users.kyc import may_still_pay


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A choice that the user has to make, as it is stored, for the payment or for its cancellation."""

    payment: Payment
    stored: SealedAuthorisation
    choice: Choice
    of_cancellation: bool


class PaymentMethodChoice:
    """Tells the bank the user's choice, once: where the answer is lost, the bank is asked what became of it.

    The choice is stored as sent before the bank hears of it, so that of two that are made at once one is sent.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[PaymentInitiation],
        bank_status: BankStatusSync,
        access: BankAccess,
        recorder: PaymentRecorder,
        authorisations: Authorisations,
        shield: Shield,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._bank_status = bank_status
        self._access = access
        self._recorder = recorder
        self._authorisations = authorisations
        self._shield = shield
        self._clock = clock

    async def choose(self, user_id: UserId, payment_id: PaymentId, method: str, device: Device) -> Payment:
        """Go on by that method, and give the payment with what is awaited then.

        Raises NotFound, InvalidState, KycRequired, ProviderUnavailable.
        """
        async with self._read() as read:
            payment = await read.payments.get(user_id, payment_id)
        if payment is None:
            raise NotFound("There is no such payment.", field=("input", "paymentId"))
        about(payment.id, payment.user_id)
        awaited = self._awaited(payment)
        if awaited is None:
            raise nothing_to_choose("paymentId")
        require_offered(awaited.choice, method)
        choosing = self._choose(awaited, method, device)
        return await self._shield.run(choosing, instead=lambda: self._bank_status.current(payment))

    def _awaited(self, payment: Payment) -> _Awaited | None:
        """The choice that the payment waits for; that of its cancellation before its own."""
        is_cancelled = payment.cancellation_status is CancellationStatus.AUTHORISATION_REQUIRED
        asked = payment.cancellation_authorisation if is_cancelled and not payment.status.is_final else None
        for stored, of_cancellation in ((asked, True), (payment.awaited, False)):
            choice = self._authorisations.opened_choice(stored)
            if stored is not None and choice is not None:
                return _Awaited(payment, stored, choice, of_cancellation)
        return None

    async def _choose(self, awaited: _Awaited, method: str, device: Device) -> Payment:
        payment = awaited.payment
        try:
            if awaited.choice.sent_at is not None:
                await self._bank_status.refresh(payment.user_id, payment.id, PaymentCause.VENDOR_READ)
            sent = await self._claimed(awaited)
            if sent is not None:
                await self._send(sent, method, device)
        except Unavailable as error:
            raise bank_silent() from error
        return await self._bank_status.current(payment)

    async def _claimed(self, awaited: _Awaited) -> _Awaited | None:
        """The choice, stored as sent now; None if the bank was told just now, or nothing is awaited any more."""
        payment, now = awaited.payment, self._clock.now()
        async with self._work() as work:
            current = await work.payments.get(payment.user_id, payment.id)
            found = self._awaited(current) if current is not None else None
            if found is None or found.of_cancellation is not awaited.of_cancellation or found.choice.is_on_its_way(now):
                return None
            if not found.of_cancellation:
                require_approved((await work.kyc.of_user(payment.user_id)).status)
            stored = self._authorisations.sent(found.stored, now)
            await self._store(work, found, stored)
            # Whatever the answer, or none: the bank is asked until the approval is given.
            self._bank_status.enqueue_watch(work, payment, stored)
            await work.commit()
        return _Awaited(found.payment, stored, found.choice, found.of_cancellation)

    async def _send(self, sent: _Awaited, method: str, device: Device) -> None:
        payment = sent.payment
        assert payment.vendor_payment_id is not None
        access = await self._access.of(payment, payment.vendor_payment_id, device)
        try:
            answer = await self._vendors[payment.vendor].choose_method(
                access, method, sent.choice.redirect_uri, of_cancellation=sent.of_cancellation
            )
        except NotApprovable as error:
            await self._show(sent, self._authorisations.taken_back(sent.stored))
            raise method_refused() from error
        if answer is None:
            await self._bank_status.refresh(payment.user_id, payment.id, PaymentCause.VENDOR_READ)
        else:
            await self._show(sent, self._authorisations.sealed(answer))

    async def _show(self, sent: _Awaited, stored: SealedAuthorisation) -> None:
        """Store and push what is awaited now, unless an update was faster."""
        async with self._work() as work:
            current = await work.payments.get(sent.payment.user_id, sent.payment.id)
            found = self._awaited(current) if current is not None else None
            if found is None or found.of_cancellation is not sent.of_cancellation:
                return
            if not found.of_cancellation and not await may_still_pay(work, found.payment.user_id, self._clock.now()):
                await work.commit()
                return
            await self._store(work, found, stored)
            changed = await work.payments.get(sent.payment.user_id, sent.payment.id)
            assert changed is not None
            self._recorder.publish(work, changed)
            await work.commit()

    async def _store(self, work: UnitOfWork, awaited: _Awaited, stored: SealedAuthorisation) -> None:
        payment = awaited.payment
        if awaited.of_cancellation:
            await work.payments.save_cancellation(payment.id, stored)
        else:
            assert payment.vendor_payment_id is not None
            await work.payments.save_reply(payment.id, payment.vendor_payment_id, stored)
