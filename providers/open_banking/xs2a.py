"""Accounts and payments by NextGenPSD2, through an aggregator or directly. Source: docs/vendors/nextgenpsd2.md."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any, Final, TypeVar

from domain.account_number import AccountNumber
from domain.authorisation import Authorisation
from domain.bank_account import Bank
from domain.clock import Clock, oslo_date
from domain.consent import UNATTENDED_READS_A_DAY, ConsentStatus
from domain.errors import CannotTell, Unavailable
from domain.ids import BankId
from domain.money import decimal_of
from domain.payment import Payment, Status
from providers.calling.guard import Resilience
from providers.calling.vendor_http import UNREADABLE, Answer, VendorRefusal
from providers.open_banking import bank_event, nextgenpsd2, signature
from providers.open_banking.bank_profiles import BankProfile, account_reference, by_bic, by_id
from providers.open_banking.port import (
    BankEvent,
    Cancelling,
    ConsentRequest,
    ConsentState,
    PaymentState,
    Psu,
    StartedConsent,
)
from providers.open_banking.status import NOT_TAKEN, SCA_DONE
from providers.open_banking.xs2a_client import Reference, Xs2aClient
from providers.open_banking.xs2a_reading import Xs2aReading
from providers.open_banking.xs2a_reading import as_wanted as _as_wanted

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# Initiations and consents are missing. A repeated authorisation is harmless: only the shown page can be used.
RETRIED: Final = frozenset(
    {
        "token",
        "banks",
        "consent_state",
        "revoke_consent",
        "accounts",
        "balances",
        "transactions",
        "status",
        "payment",
        "cancel",
        *(
            f"{step}_{what}"
            for step in ("authorise", "select", "sca")
            for what in ("consent", "payment", "cancellation")
        ),
    }
)
_ACCEPTED: Final = 202
_GONE: Final = frozenset({403, 404})
_ABOUT_CONTENT: Final = frozenset({400, 403, 404, 405, 409})
Result = TypeVar("Result")


class Xs2aAccounts(Xs2aReading):
    """Account information by NextGenPSD2, over an aggregator or directly: `client` knows which."""

    async def check(self) -> None:
        """Check that our credentials are accepted. Raises Unavailable."""
        await self._client.check()

    async def list_banks(self, country: str) -> Sequence[Bank]:
        return await self._client.banks(country)

    async def start_consent(self, request: ConsentRequest) -> StartedConsent:
        profile = by_id(request.bank_id)
        consents = self._client.paths(profile.bic).consents
        psu = _as_wanted(profile, request.psu)
        body = {
            "access": {},
            "recurringIndicator": True,
            "validUntil": request.valid_until.isoformat(),
            "frequencyPerDay": UNATTENDED_READS_A_DAY,
            "combinedServiceIndicator": False,
        }
        try:
            created = await self._client.call(
                "start_consent",
                "POST",
                consents,
                _created_consent,
                bic=profile.bic,
                psu=psu,
                headers={
                    **self._client.redirect_headers(request.redirect_uri),
                    **self._client.notification_headers(request.consent_id),
                },
                json=body,
            )
        except VendorRefusal as refusal:
            raise self._client.refused(refusal, profile.bic) from refusal
        identifier = str(created["consentId"])
        authorisation, page = await self._client.authorise(
            "consent",
            f"{consents}/{identifier}/authorisations",
            created=created,
            bic=profile.bic,
            psu=psu,
            redirect_uri=request.redirect_uri,
        )
        # The bank may shorten the consent.
        until = nextgenpsd2.valid_until_of(created) or request.valid_until
        return StartedConsent(str(Reference(profile.bic, identifier, authorisation)), Authorisation(page), until)

    async def complete_consent(self, reference: str, query: Mapping[str, str]) -> ConsentState:
        consent = Reference.parse(reference)
        if "code" in query:
            headers = {"x-consentid": consent.id, "x-consentauthorisationid": consent.authorisation}
            await self._client.exchange(query["code"], headers)
        return await self.consent_state(reference)

    async def consent_state(self, reference: str) -> ConsentState:
        consent = Reference.parse(reference)
        try:
            state = await self._client.call(
                "consent_state",
                "GET",
                self._path(consent),
                lambda answer: nextgenpsd2.consent_state(answer.document),
                bic=consent.bic,
            )
        except VendorRefusal as refusal:
            raise self._client.refused(refusal, consent.bic) from refusal
        if state.status is ConsentStatus.AWAITING_AUTHORISATION and consent.authorisation:
            path = f"{self._path(consent)}/authorisations/{consent.authorisation}"
            sca, codes = await self._client.sca_status("consent", path, bic=consent.bic)
            status, _ = nextgenpsd2.payment_status("RCVD", sca, codes, is_future=False)
            ended = {Status.REJECTED: ConsentStatus.REJECTED, Status.EXPIRED: ConsentStatus.EXPIRED}.get(status)
            return ConsentState(ended or state.status, state.valid_until)
        return state

    async def revoke_consent(self, reference: str) -> None:
        consent = Reference.parse(reference)
        try:
            await self._client.call(
                "revoke_consent", "DELETE", self._path(consent), lambda answer: None, bic=consent.bic
            )
        except VendorRefusal as refusal:
            # A repeated revocation may be answered so (nextgenpsd2.md, Consents): the consent is revoked in any case.
            if refusal.status not in _GONE:
                raise self._client.refused(refusal, consent.bic) from refusal

    def _path(self, consent: Reference) -> str:
        return f"{self._client.paths(consent.bic).consents}/{consent.id}"


class Xs2aPayments:
    """Payments by NextGenPSD2, over an aggregator or directly: `client` knows which.

    `webhook_secret` verifies webhooks that a relay of the operator sends; the aggregator itself sends none.
    """

    def __init__(self, client: Xs2aClient, *, webhook_secret: str, clock: Clock) -> None:
        self._client = client
        self._secret = webhook_secret
        self._clock = clock

    async def initiate(
        self, payment: Payment, debtor: AccountNumber, bank_id: BankId, psu: Psu, redirect_uri: str
    ) -> PaymentState:
        profile = by_id(bank_id)
        as_wanted, payments = _as_wanted(profile, psu), self._client.paths(profile.bic).payments
        try:
            created = await self._client.command(
                "initiate",
                payments,
                _created_payment,
                bic=profile.bic,
                psu=as_wanted,
                redirect_uri=redirect_uri,
                about=payment.end_to_end_id,
                json=_body(profile, payment, debtor) | (self._client.kid(payment.kid) if payment.kid else {}),
            )
        except VendorRefusal as refusal:
            if refusal.status not in _ABOUT_CONTENT:
                raise self._client.refused(refusal, profile.bic) from refusal
            return PaymentState(Status.REJECTED, "", failure=NOT_TAKEN)
        return self._accepted(created, profile.bic, redirect_uri)

    async def authorise(self, reference: str, psu: Psu, redirect_uri: str) -> PaymentState:
        payment = Reference.parse(reference)
        authorisation, page = await self._client.authorise(
            "payment",
            f"{self._client.paths(payment.bic).payments}/{payment.id}/authorisations",
            created={},
            bic=payment.bic,
            psu=_as_wanted(by_bic(payment.bic), psu),
            redirect_uri=redirect_uri,
        )
        reference = str(replace(payment, authorisation=authorisation))
        return PaymentState(Status.AUTHORISATION_REQUIRED, reference, Authorisation(page))

    async def look_up(self, end_to_end_id: str) -> PaymentState | None:
        raise CannotTell("NextGenPSD2 finds nothing by our reference.")

    async def complete(self, reference: str, query: Mapping[str, str]) -> None:
        payment = Reference.parse(reference)
        if "code" not in query:
            return
        path = f"{self._client.paths(payment.bic).payments}/{payment.id}"
        authorisation = payment.authorisation
        sca, _ = await self._client.sca_status("payment", f"{path}/authorisations/{authorisation}", bic=payment.bic)
        if sca in SCA_DONE:
            # The payment was approved before: what the user has approved now is its cancellation.
            cancellations = f"{path}/cancellation-authorisations"
            authorisation = await self._client.authorisation_of("cancellation", cancellations, bic=payment.bic)
        headers = {"x-paymentid": payment.id, "x-paymentauthorisationid": authorisation}
        await self._client.exchange(query["code"], headers)

    async def status(self, reference: str) -> PaymentState:
        payment = Reference.parse(reference)
        path = f"{self._client.paths(payment.bic).payments}/{payment.id}"
        word, codes = await self._get("status", f"{path}/status", payment.bic, _status)
        sca, sca_codes = await self._sca_status(payment, path)
        status, failure = nextgenpsd2.payment_status(word, sca, (*codes, *sca_codes), is_future=False)
        if status is Status.PROCESSING:
            day = await self._get("payment", path, payment.bic, _execution_date)
            is_future = day is not None and day > oslo_date(self._clock.now())
            status, failure = nextgenpsd2.payment_status(word, sca, (), is_future=is_future)
        return PaymentState(status, reference, failure=failure)

    async def cancel(self, reference: str, redirect_uri: str) -> Cancelling:
        payment = Reference.parse(reference)
        path = f"{self._client.paths(payment.bic).payments}/{payment.id}"
        try:
            waiting = await self._client.call("cancel", "DELETE", path, _wants_approval, bic=payment.bic)
        except VendorRefusal:
            word, _ = await self._get("status", f"{path}/status", payment.bic, _status)
            return Cancelling(is_cancelled=word == "CANC")
        if waiting is None:
            return Cancelling(is_cancelled=True)
        _, page = await self._client.authorise(
            "cancellation",
            f"{path}/cancellation-authorisations",
            created=waiting,
            bic=payment.bic,
            psu=None,
            redirect_uri=redirect_uri,
        )
        return Cancelling(authorisation=Authorisation(page))

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        signature.verify(raw, headers.get(signature.HEADER), self._secret, self._clock.now())
        return bank_event.read(raw)

    def read_webhook(self, raw: bytes) -> BankEvent:
        return bank_event.read(raw)

    def _accepted(self, created: Mapping[str, Any], bic: str, redirect_uri: str) -> PaymentState:
        """The bank has the payment: an unusable page must not lose the payment's id."""
        found = None
        with suppress(Unavailable, *UNREADABLE):
            found = self._client.page_in(created, redirect_uri, bic)
        authorisation, page = found or ("", None)
        reference = Reference(bic, created["paymentId"], authorisation)
        awaited = Authorisation(page) if page else None
        return PaymentState(Status.AUTHORISATION_REQUIRED, str(reference), awaited)

    async def _sca_status(self, payment: Reference, path: str) -> tuple[str | None, tuple[str, ...]]:
        """As `Xs2aClient.sca_status`, of the newest approval; None while no approval was started."""
        authorisation = payment.authorisation or await self._client.authorisation_of(
            "payment", f"{path}/authorisations", bic=payment.bic
        )
        if not authorisation:
            return None, ()
        return await self._client.sca_status("payment", f"{path}/authorisations/{authorisation}", bic=payment.bic)

    async def _get(self, operation: str, path: str, bic: str, read: Callable[[Answer], Result]) -> Result:
        try:
            return await self._client.call(operation, "GET", path, read, bic=bic)
        except VendorRefusal as refusal:
            raise self._client.refused(refusal, bic) from refusal


def _created_consent(answer: Answer) -> dict[str, Any]:
    return {**answer.document, "consentId": str(answer.document["consentId"])}


def _created_payment(answer: Answer) -> dict[str, Any]:
    return {**answer.document, "paymentId": str(answer.document["paymentId"])}


def _body(profile: BankProfile, payment: Payment, debtor: AccountNumber) -> dict[str, object]:
    currency = payment.amount.currency
    body: dict[str, object] = {
        "endToEndIdentification": payment.end_to_end_id,
        "instructedAmount": {"currency": currency, "amount": decimal_of(payment.amount.amount_minor)},
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


def _execution_date(answer: Answer) -> date | None:
    day = answer.document.get("requestedExecutionDate")
    return date.fromisoformat(day) if day else None


def _wants_approval(answer: Answer) -> dict[str, Any] | None:
    """The links of a cancellation that the user has to approve (202), None for one that is done."""
    return {**answer.document} if answer.status == _ACCEPTED else None
