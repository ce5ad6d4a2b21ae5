"""Taking payments back: as their user asks, or because the user leaves or has lost the KYC approval."""

from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from db.unit_of_work import Read, UnitOfWork, Work
from domain.authorisation import AuthorisationKind
from domain.clock import Clock
from domain.device import Device
from domain.errors import InvalidState, NotFound, ProviderUnavailable, Unavailable
from domain.ids import PaymentId, UserId
from domain.payment import CancellationStatus, Payment, PaymentCause, Rail, Status, StatusUpdate
from domain.redirect import with_query
from domain.timeline import about
from providers.open_banking.port import NotApprovable, PaymentAccess, PaymentForgotten, PaymentInitiation
from providers.vendors import Vendors
from services.authorisations import Authorisations
from services.payments.bank_access import BankAccess
from services.payments.bank_status import BankStatusSync
from services.payments.card_payments import CardPayments
from services.payments.card_vendor import unavailable
from services.payments.record import PaymentRecorder
from services.shield import Shield
from services.tokens import hash_of, new_token

_UNAUTHORISED: Final = (Status.CREATED, Status.AUTHORISATION_REQUIRED, Status.SCHEDULED)


class Cancellations:
    """Cancels payments of both rails at their vendors, which may want the user's approval for it or be too late."""

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[PaymentInitiation],
        cards: CardPayments,
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
        self._cards = cards
        self._bank_status = bank_status
        self._access = access
        self._recorder = recorder
        self._authorisations = authorisations
        self._shield = shield
        self._clock = clock

    async def cancel(
        self, user_id: UserId, payment_id: PaymentId, *, callback_uri: str, device: Device, in_app: bool = False
    ) -> Payment:
        """Ask the vendor to cancel; a bank may want the user's approval.

        Raises NotFound, InvalidState, PaymentInDoubt, ProviderUnavailable.
        """
        async with self._read() as read:
            payment = await read.payments.get(user_id, payment_id)
        if payment is None:
            raise NotFound("There is no such payment.", field=("input", "id"))
        about(payment.id, payment.user_id)
        if payment.rail is Rail.CARD:
            return await self._cancel_in_time(payment, self._cards.cancel(payment))
        # What the bank has under an id can be cancelled by it, whatever is in doubt.
        if payment.status.is_final or payment.vendor_payment_id is None:
            payment.require_cancellable()
        if payment.vendor_payment_id is None:
            message = "The payment is on its way to the bank. Try again in a minute."
            raise InvalidState(message, field=("input", "id"), text="PAYMENT_ON_ITS_WAY")
        access = await self._access.of(payment, payment.vendor_payment_id, device)
        return await self._cancel_in_time(payment, self._cancel(payment, access, callback_uri, in_app=in_app))

    async def _cancel_in_time(self, payment: Payment, cancelling: Coroutine[Any, Any, Payment]) -> Payment:
        return await self._shield.run(cancelling, instead=lambda: self._bank_status.current(payment))

    async def cancel_unauthorised(self, user_id: UserId, cause: PaymentCause) -> None:
        """Cancel the payments that a user who leaves, or lost KYC, has not authorised yet. Safe to repeat.

        A payment that cannot be cancelled just now keeps no other from it: what it raised is raised in the end.
        """
        failed: list[Exception] = []
        async with self._read() as read:
            payments = await read.payments.open_of_user(user_id, _UNAUTHORISED)
        for payment in payments:
            # Without the vendor's id there is nothing to cancel yet: the vendor's answer takes it up again.
            if payment.vendor_payment_id is None or (payment.in_doubt and payment.rail is Rail.CARD):
                continue
            try:
                await self._take_back(payment, payment.vendor_payment_id, cause)
            except Exception as error:
                failed.append(error)
            if cause is PaymentCause.KYC_LOST:
                await self._withhold(payment)
        if failed:
            raise failed[0]

    async def _take_back(self, payment: Payment, reference: str, cause: PaymentCause) -> None:
        # What the vendor carries out already, or cannot cancel, is asked about until its end.
        with suppress(InvalidState):
            if payment.rail is Rail.CARD:
                after = await self._cards.cancel(payment, cause)
                if not after.status.is_final:
                    raise unavailable()  # what became of it is not known yet
            else:
                await self._cancel(payment, await self._access.of(payment, reference), "", cause)

    async def _withhold(self, payment: Payment) -> None:
        """Show no page to approve, where the payment could not be cancelled."""
        async with self._work() as work:
            current = await work.payments.get(payment.user_id, payment.id)
            if current is None or current.awaited is None:
                return
            await work.payments.forget_authorisation(payment.id)
            self._recorder.publish(work, replace(current, authorisation=None))
            await work.commit()

    async def _cancel(
        self,
        payment: Payment,
        access: PaymentAccess,
        callback_uri: str,
        cause: PaymentCause = PaymentCause.USER,
        *,
        in_app: bool = False,
    ) -> Payment:
        state = new_token()
        redirect_uri = with_query(callback_uri, state=state) if callback_uri else ""
        try:
            answer = await self._vendors[payment.vendor].cancel(access, redirect_uri)
        except PaymentForgotten as forgotten:
            after = await self._bank_status.note_forgotten(payment, forgotten)
            if after.status.is_final:
                return after
            message = "The bank does not know the payment just now: what became of it is being found out."
            raise InvalidState(message, field=("input", "id"), text="PAYMENT_NOT_KNOWN") from forgotten
        except Unavailable as error:
            message = "The bank is temporarily unavailable. Try again soon."
            raise ProviderUnavailable("open_banking", message, text="BANK_AWAY") from error
        except NotApprovable as error:
            message = "The bank wants an approval of the cancellation that Drop cannot show: cancel in the bank's app."
            raise InvalidState(message, field=("input", "id"), text="CANCEL_AT_THE_BANK") from error
        now = self._clock.now()
        if answer.is_cancelled:
            return await self._bank_status.step(
                payment, lambda current: current.apply(StatusUpdate(Status.CANCELLED, cause, now))
            )
        if not answer.is_possible:
            raise _not_possible(payment)
        if answer.authorisation is None:
            message = "It is too late: the bank is carrying the payment out."
            raise InvalidState(message, field=("input", "id"), text="PAYMENT_NOT_CANCELLABLE")
        waiting, awaited = CancellationStatus.AUTHORISATION_REQUIRED, self._authorisations.sealed(answer.authorisation)
        is_watched = answer.authorisation.kind is AuthorisationKind.DECOUPLED

        async def renew(work: UnitOfWork) -> None:
            # Only now: until the bank has answered, the way back from the payment's own page has to stay.
            if redirect_uri:
                await work.payments.renew_state(payment.id, hash_of(state), begun_in_app=in_app)
            if is_watched:
                self._bank_status.enqueue_watch(work, payment, awaited)

        after, _ = await self._recorder.apply(
            payment, lambda current: current.with_cancellation(waiting, awaited, cause, now), also=renew
        )
        return after


def _not_possible(payment: Payment) -> InvalidState:
    if payment.status in (Status.CREATED, Status.AUTHORISATION_REQUIRED):
        message = "The bank cancels no payments: this one lapses if it is not approved."
        return InvalidState(message, field=("input", "id"), text="PAYMENT_LAPSES")
    message = "The bank cancels no payments here: only its own online bank can."
    return InvalidState(message, field=("input", "id"), text="CANCEL_AT_THE_BANK")
