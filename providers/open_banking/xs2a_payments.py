"""Payments by NextGenPSD2, through an aggregator or directly. Source: docs/vendors/nextgenpsd2.md, Payments."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from domain.account_number import AccountNumber
from domain.authorisation import Authorisation
from domain.bank_text import TextRules
from domain.clock import Clock, oslo_date
from domain.errors import CannotTell, Unavailable
from domain.ids import BankId
from domain.money import decimal_of
from domain.payment import Payment, Status
from providers.calling.vendor_http import UNREADABLE, Answer, VendorRefusal
from providers.open_banking import bank_event, nextgenpsd2, signature
from providers.open_banking.bank_profiles import BankProfile, account_reference, by_bic, by_id
from providers.open_banking.bank_warnings import warnings_in
from providers.open_banking.port import (
    BankEvent,
    CancellationState,
    Cancelling,
    NotApprovable,
    PaymentAccess,
    PaymentForgotten,
    PaymentState,
    Psu,
)
from providers.open_banking.readings import identifier
from providers.open_banking.refusals import is_about_payment, not_taken, note, note_told
from providers.open_banking.status import PAYMENT_STATUS, SCA_DONE, SCA_FAILED, sca_of
from providers.open_banking.vendor_ids import in_header, in_path
from providers.open_banking.xs2a_approvals import Approval, Approvals, ScaAnswer
from providers.open_banking.xs2a_client import Reference, Xs2aClient
from providers.open_banking.xs2a_reading import as_wanted, told
from providers.setting_types import valid_secrets

_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204
_ABOUT_CONTENT: Final = frozenset({400, 403, 404, 405, 409})


class Xs2aPayments:
    """Payments by NextGenPSD2, over an aggregator or directly: `client` knows which.

    `webhook_secret` verifies webhooks that a relay of the operator sends; the aggregator itself sends none.
    """

    def __init__(
        self,
        client: Xs2aClient,
        *,
        webhook_secret: str,
        clock: Clock,
        previous_webhook_secret: str | None = None,
    ) -> None:
        self._client = client
        self._approvals = Approvals(client)
        self._secrets = valid_secrets(webhook_secret, previous_webhook_secret)
        self._clock = clock

    def text_rules(self, bank_id: BankId) -> TextRules:
        return by_id(bank_id).texts

    async def initiate(
        self, payment: Payment, debtor: AccountNumber, bank_id: BankId, psu: Psu, redirect_uri: str
    ) -> PaymentState:
        profile = by_id(bank_id)
        payments = self._client.paths(profile.bic).payments
        try:
            created = await self._client.command(
                "initiate",
                payments,
                _created_payment,
                bic=profile.bic,
                psu=as_wanted(profile, psu),
                redirect_uri=redirect_uri,
                about=payment.end_to_end_id,
                json=_body(profile, payment, debtor) | (self._client.kid(payment.kid) if payment.kid else {}),
            )
        except VendorRefusal as refusal:
            codes = nextgenpsd2.codes_of(refusal.answer)
            if refusal.status not in _ABOUT_CONTENT and not is_about_payment(codes):
                note(bank_id, codes)
                raise self._client.refused(refusal, profile.bic) from refusal
            failure = not_taken(bank_id, codes)
            return PaymentState(Status.REJECTED, "", failure=failure)
        return self._accepted(created, payment, profile.bic, redirect_uri)

    async def authorise(self, access: PaymentAccess, redirect_uri: str) -> PaymentState:
        payment = Reference.parse(access.reference)
        approval = await self._approvals.begin(
            "payment",
            f"{self._path(payment)}/authorisations",
            known=payment.authorisation,
            bic=payment.bic,
            psu=told(access),
            redirect_uri=redirect_uri,
            method=payment.method,
        )
        reference = str(replace(payment, authorisation=approval.id, method=""))
        if approval.awaited is not None:
            waiting = Status.AUTHORISATION_REQUIRED
            return PaymentState(waiting, reference, approval.awaited, warnings=approval.warnings)
        try:
            return await self.status(replace(access, reference=reference))
        except Unavailable:
            if approval.sca_status not in SCA_DONE:
                raise
            # No approval follows, so that the bank executes: its status is read again by reconciliation.
            return PaymentState(Status.PROCESSING, reference)

    async def choose_method(
        self, access: PaymentAccess, method: str, redirect_uri: str, *, of_cancellation: bool
    ) -> Authorisation | None:
        payment, psu = Reference.parse(access.reference), told(access)
        what = "cancellation" if of_cancellation else "payment"
        path = f"{self._path(payment)}/{'cancellation-' if of_cancellation else ''}authorisations"
        known = "" if of_cancellation else payment.authorisation
        authorisation = known or await self._approvals.newest(what, path, bic=payment.bic, psu=psu)
        if not authorisation:
            raise NotApprovable
        return await self._approvals.choose(
            what, f"{path}/{in_path(authorisation)}", method, bic=payment.bic, psu=psu, redirect_uri=redirect_uri
        )

    def wants_device_later(self, bank_id: BankId) -> bool:
        return by_id(bank_id).wants_device_later

    async def look_up(self, bank_id: BankId, end_to_end_id: str) -> PaymentState | None:
        raise CannotTell("NextGenPSD2 finds nothing by our reference.")

    async def complete(self, access: PaymentAccess, query: Mapping[str, str]) -> None:
        payment = Reference.parse(access.reference)
        if "code" not in query:
            return
        path, authorisation, psu = self._path(payment), payment.authorisation, told(access)
        of_payment = f"{path}/authorisations/{in_path(authorisation)}"
        sca, *_ = await self._approvals.state("payment", of_payment, bic=payment.bic, psu=psu)
        if sca in SCA_DONE:
            # The payment was approved before: what the user has approved now is its cancellation.
            cancellations = f"{path}/cancellation-authorisations"
            authorisation = await self._approvals.newest("cancellation", cancellations, bic=payment.bic, psu=psu)
        headers = {"x-paymentid": in_header(payment.id), "x-paymentauthorisationid": in_header(authorisation)}
        await self._client.exchange(query["code"], headers, payment.bic)

    async def status(self, access: PaymentAccess) -> PaymentState:
        try:
            word, codes = await self._transaction_status(access)
        except PaymentForgotten as forgotten:
            with suppress(Unavailable):
                forgotten.sca = sca_of((await self._sca_state(access))[0])
            raise
        try:
            sca, sca_codes, shown = await self._sca_state(access)
        except Unavailable as error:
            known = PAYMENT_STATUS.get(word)
            if known is Status.AUTHORISATION_REQUIRED or (known is None and not isinstance(error, PaymentForgotten)):
                raise
            if known is None or not known.is_final:
                raise Unavailable("open_banking", "the approval cannot be read") from error
            # The approval of a payment that has ended does not count any more.
            sca, sca_codes, shown = None, (), None
        status, failure = nextgenpsd2.payment_status(word, sca, (*codes, *sca_codes), is_future=False)
        if PAYMENT_STATUS.get(word) is Status.REJECTED:
            note_told(access.bank_id, (*codes, *sca_codes), failure)
        if status is Status.PROCESSING:
            # Not read at the bank: some banks have no GET of an initiation (norwegian_banks.md).
            day = access.execution_date
            is_future = day is not None and day > oslo_date(self._clock.now())
            status, failure = nextgenpsd2.payment_status(word, sca, (), is_future=is_future)
        awaited = shown if status is Status.AUTHORISATION_REQUIRED else None
        inferred = nextgenpsd2.is_inferred(word, sca)
        return PaymentState(status, access.reference, awaited, failure, sca=sca_of(sca), is_inferred=inferred)

    async def cancel(self, access: PaymentAccess, redirect_uri: str) -> Cancelling:
        payment = Reference.parse(access.reference)
        deleted = await self._delete("cancel", access)
        if deleted is None or deleted.status != _ACCEPTED:
            return Cancelling(is_cancelled=await self._is_cancelled(access, deleted))
        waiting = ScaAnswer.lenient(deleted)
        awaited = None
        with suppress(Unavailable, *UNREADABLE):
            awaited = self._approvals.awaited_in(waiting, redirect_uri, payment.bic)
        if awaited is None and waiting.authorisation_id:
            awaited = self._approvals.choice_in(waiting, redirect_uri)
        if awaited is None:
            approval = await self._begin_cancellation(access, waiting, redirect_uri)
            awaited = approval.awaited
        if awaited is None:
            return Cancelling(is_cancelled=await self._is_cancelled(access, None))
        return Cancelling(authorisation=awaited)

    async def cancellation_state(self, access: PaymentAccess) -> CancellationState:
        payment = Reference.parse(access.reference)
        path, psu = f"{self._path(payment)}/cancellation-authorisations", told(access)
        authorisation = await self._approvals.newest("cancellation", path, bic=payment.bic, psu=psu)
        if not authorisation:
            return CancellationState()
        found = f"{path}/{in_path(authorisation)}"
        sca, _, shown = await self._approvals.state("cancellation", found, bic=payment.bic, psu=psu)
        return CancellationState(sca in SCA_FAILED, shown)

    async def withdraw(self, access: PaymentAccess) -> bool:
        return await self._is_cancelled(access, await self._delete("withdraw", access))

    async def _begin_cancellation(self, access: PaymentAccess, waiting: ScaAnswer, redirect_uri: str) -> Approval:
        payment = Reference.parse(access.reference)
        return await self._approvals.begin(
            "cancellation",
            f"{self._path(payment)}/cancellation-authorisations",
            known=waiting.authorisation_id,
            bic=payment.bic,
            psu=told(access),
            redirect_uri=redirect_uri,
            method=waiting.method_of_begun,
        )

    async def _delete(self, operation: str, access: PaymentAccess) -> Answer | None:
        """The bank's answer to DELETE, None for its no. Raises Unavailable."""
        payment = Reference.parse(access.reference)
        try:
            return await self._client.call(
                operation, "DELETE", self._path(payment), lambda answer: answer, bic=payment.bic, psu=told(access)
            )
        except VendorRefusal:
            return None

    async def _is_cancelled(self, access: PaymentAccess, deleted: Answer | None) -> bool:
        """Whether the bank has cancelled the payment: by 204, or by the status that it gives. Raises Unavailable."""
        if deleted is not None and deleted.status == _NO_CONTENT:
            return True
        word, _ = await self._transaction_status(access)
        return PAYMENT_STATUS.get(word) is Status.CANCELLED

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        signature.verify(raw, headers.get(signature.HEADER), self._secrets, self._clock.now())
        return bank_event.read(raw)

    def read_webhook(self, raw: bytes) -> BankEvent:
        return bank_event.read(raw)

    def _accepted(self, created: ScaAnswer, payment: Payment, bic: str, redirect_uri: str) -> PaymentState:
        """The bank has the payment: an approval that cannot be read must not lose the payment's id."""
        document = created.document
        begun, method = created.authorisation_id, created.method_of_begun
        reference = str(Reference(bic, document["paymentId"], begun, method))
        word, codes = str(document.get("transactionStatus")), nextgenpsd2.codes_of(document)
        warnings = warnings_in(document)
        if PAYMENT_STATUS.get(word) is Status.REJECTED:
            return PaymentState(Status.REJECTED, reference, failure=not_taken(by_bic(bic).id, codes))
        if created.is_ended or PAYMENT_STATUS.get(word, Status.PROCESSING).is_final:
            is_future = payment.scheduled_for is not None and payment.scheduled_for > oslo_date(self._clock.now())
            status, failure = nextgenpsd2.payment_status(word, created.status, codes, is_future=is_future)
            inferred = nextgenpsd2.is_inferred(word, created.status)
            return PaymentState(status, reference, failure=failure, warnings=warnings, is_inferred=inferred)
        awaited = None
        with suppress(Unavailable, *UNREADABLE):
            awaited = self._approvals.awaited_in(created, redirect_uri, bic)
        if awaited is None and begun:
            awaited = self._approvals.choice_in(created, redirect_uri)
        return PaymentState(Status.AUTHORISATION_REQUIRED, reference, awaited, warnings=warnings)

    async def _transaction_status(self, access: PaymentAccess) -> tuple[str, tuple[str, ...]]:
        """The transaction status, and the codes of its messages. Raises Unavailable, PaymentForgotten."""
        payment = Reference.parse(access.reference)
        path, bic = f"{self._path(payment)}/status", payment.bic
        try:
            return await self._client.call("status", "GET", path, _status, bic=bic, psu=told(access))
        except VendorRefusal as refusal:
            raise self._client.forgotten(refusal) or self._client.refused(refusal, bic) from refusal

    async def _sca_state(self, access: PaymentAccess) -> tuple[str | None, tuple[str, ...], Authorisation | None]:
        """As `Approvals.state`, of the newest approval; None while no approval was begun."""
        payment, psu = Reference.parse(access.reference), told(access)
        path = f"{self._path(payment)}/authorisations"
        authorisation = payment.authorisation or await self._approvals.newest("payment", path, bic=payment.bic, psu=psu)
        if not authorisation:
            return None, (), None
        return await self._approvals.state("payment", f"{path}/{in_path(authorisation)}", bic=payment.bic, psu=psu)

    def _path(self, payment: Reference) -> str:
        return f"{self._client.paths(payment.bic).payments}/{in_path(payment.id)}"


def _created_payment(answer: Answer) -> ScaAnswer:
    created = ScaAnswer.of(answer)
    return ScaAnswer({**created.document, "paymentId": identifier(created.document["paymentId"])}, created.approach)


def _body(profile: BankProfile, payment: Payment, debtor: AccountNumber) -> dict[str, object]:
    currency = payment.amount.currency
    body: dict[str, object] = {
        "endToEndIdentification": payment.end_to_end_id,
        "instructedAmount": {"currency": currency, "amount": decimal_of(payment.amount.amount_minor, currency)},
        "debtorAccount": {**account_reference(profile.debtor, debtor), "currency": currency},
        "creditorName": payment.creditor_name,
        "creditorAccount": {**account_reference(profile.creditor, payment.creditor_account), "currency": currency},
    }
    if payment.message is not None:
        body["remittanceInformationUnstructured"] = payment.message
    if payment.scheduled_for is not None:
        body["requestedExecutionDate"] = payment.scheduled_for.isoformat()
    return body


def _status(answer: Answer) -> tuple[str, tuple[str, ...]]:
    return str(answer.document["transactionStatus"]), nextgenpsd2.codes_of(answer.document)
