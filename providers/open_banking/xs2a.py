"""Accounts by NextGenPSD2, through an aggregator or directly. Source: docs/vendors/nextgenpsd2.md."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Final

from domain.authorisation import Authorisation
from domain.bank_account import Bank
from domain.clock import Clock
from domain.consent import UNATTENDED_READS_A_DAY, ConsentStatus
from domain.errors import Unavailable
from domain.payment import Status
from providers.calling.guard import Resilience
from providers.calling.status_words import status_of
from providers.calling.vendor_http import UNREADABLE, Answer, VendorRefusal
from providers.open_banking import nextgenpsd2
from providers.open_banking.bank_profiles import by_bic, by_id
from providers.open_banking.bank_warnings import warnings_in
from providers.open_banking.port import (
    ConsentAccess,
    ConsentRequest,
    ConsentState,
    Psu,
    StartedConsent,
)
from providers.open_banking.readings import identifier, valid_until
from providers.open_banking.status import CONSENT_STATUS
from providers.open_banking.vendor_ids import in_header, in_path
from providers.open_banking.xs2a_approvals import Approvals, ScaAnswer
from providers.open_banking.xs2a_client import Reference, Xs2aClient
from providers.open_banking.xs2a_reading import Xs2aReading, as_wanted, told

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# Initiations and consents are missing, and so are the steps of an approval, which could reach the user's phone twice.
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
        "cancel",
        "withdraw",
        *(f"sca_{what}" for what in ("consent", "payment", "cancellation")),
    }
)
_GONE: Final = frozenset({403, 404})
# With these a bank answers for a consent that it has ended or forgotten (nextgenpsd2.md, Errors and notifications).
_NOT_KNOWN: Final = frozenset({401, 403, 404})
_LOST: Final = {
    "CONSENT_EXPIRED": ConsentStatus.EXPIRED,
    "RESOURCE_EXPIRED": ConsentStatus.EXPIRED,
    "CONSENT_UNKNOWN": ConsentStatus.REVOKED,
    "RESOURCE_UNKNOWN": ConsentStatus.REVOKED,
}
_ENDED_BY_SCA: Final = {Status.REJECTED: ConsentStatus.REJECTED, Status.EXPIRED: ConsentStatus.EXPIRED}


class Xs2aAccounts(Xs2aReading):
    """Account information by NextGenPSD2, over an aggregator or directly: `client` knows which."""

    def __init__(self, client: Xs2aClient, *, clock: Clock) -> None:
        super().__init__(client, clock=clock)
        self._approvals = Approvals(client)

    async def check(self) -> None:
        """Check that our credentials are accepted. Raises Unavailable."""
        await self._client.check()

    async def list_banks(self, country: str) -> Sequence[Bank]:
        return await self._client.banks(country)

    async def start_consent(self, request: ConsentRequest) -> StartedConsent:
        profile = by_id(request.bank_id)
        consents = self._client.paths(profile.bic).consents
        psu = as_wanted(profile, request.psu)
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
        # The bank may shorten the consent.
        until = min(request.valid_until, valid_until(created.document.get("validUntil")))
        begun, method = created.authorisation_id, created.method_of_begun
        reference = Reference(profile.bic, created.document["consentId"], begun, method)
        awaited = None
        with suppress(Unavailable, *UNREADABLE):
            awaited = self._approvals.awaited_in(created, request.redirect_uri, profile.bic)
        if awaited is None and begun:
            awaited = self._approvals.choice_in(created, request.redirect_uri)
        word = created.document.get("consentStatus")
        is_open = status_of(CONSENT_STATUS, word, of="consent") in (None, ConsentStatus.AWAITING_AUTHORISATION)
        return StartedConsent(
            str(reference),
            awaited,
            until,
            warnings_in(created.document),
            needs_approval=is_open and not created.is_ended,
        )

    async def authorise_consent(self, started: StartedConsent, psu: Psu, redirect_uri: str) -> StartedConsent:
        consent = Reference.parse(started.reference)
        approval = await self._approvals.begin(
            "consent",
            f"{self._path(consent)}/authorisations",
            known=consent.authorisation,
            bic=consent.bic,
            psu=as_wanted(by_bic(consent.bic), psu),
            redirect_uri=redirect_uri,
            method=consent.method,
        )
        reference = str(replace(consent, authorisation=approval.id, method=""))
        warnings = (*started.warnings, *approval.warnings)
        return StartedConsent(reference, approval.awaited, started.valid_until, warnings)

    async def choose_consent_method(
        self, access: ConsentAccess, method: str, redirect_uri: str
    ) -> Authorisation | None:
        consent = Reference.parse(access.reference)
        path = f"{self._path(consent)}/authorisations/{in_path(consent.authorisation)}"
        return await self._approvals.choose(
            "consent", path, method, bic=consent.bic, psu=told(access), redirect_uri=redirect_uri
        )

    async def complete_consent(self, access: ConsentAccess, query: Mapping[str, str]) -> ConsentState:
        consent = Reference.parse(access.reference)
        if "code" in query:
            headers = {
                "x-consentid": in_header(consent.id),
                "x-consentauthorisationid": in_header(consent.authorisation),
            }
            await self._client.exchange(query["code"], headers, consent.bic)
        return await self.consent_state(access)

    async def consent_state(self, access: ConsentAccess) -> ConsentState:
        consent, psu = Reference.parse(access.reference), told(access)
        try:
            state = await self._client.call(
                "consent_state",
                "GET",
                self._path(consent),
                lambda answer: nextgenpsd2.consent_state(answer.document),
                bic=consent.bic,
                psu=psu,
            )
        except VendorRefusal as refusal:
            ended = next((_LOST[code] for code in nextgenpsd2.codes_of(refusal.answer) if code in _LOST), None)
            if ended is None or refusal.status not in _NOT_KNOWN:
                raise self._client.refused(refusal, consent.bic) from refusal
            return ConsentState(ended, date.max)
        if state.status is not ConsentStatus.AWAITING_AUTHORISATION:
            return state
        path = f"{self._path(consent)}/authorisations"
        authorisation = consent.authorisation or await self._newest(path, consent.bic, psu)
        if not authorisation:
            return state
        sca, codes, shown = await self._approvals.state(
            "consent", f"{path}/{in_path(authorisation)}", bic=consent.bic, psu=psu
        )
        status, _ = nextgenpsd2.payment_status("RCVD", sca, codes, is_future=False)
        refused = _ENDED_BY_SCA.get(status) if status is not None else None
        return ConsentState(refused or state.status, state.valid_until, shown=shown)

    async def _newest(self, path: str, bic: str, psu: Psu | None) -> str:
        """The approval that the bank began without linking to it; empty where it lists none, or no approvals at all."""
        with suppress(Unavailable):
            return await self._approvals.newest("consent", path, bic=bic, psu=psu)
        return ""

    async def revoke_consent(self, access: ConsentAccess) -> None:
        consent = Reference.parse(access.reference)
        try:
            await self._client.call(
                "revoke_consent",
                "DELETE",
                self._path(consent),
                lambda answer: None,
                bic=consent.bic,
                psu=told(access),
            )
        except VendorRefusal as refusal:
            # A repeated revocation may be answered so (nextgenpsd2.md, Consents): the consent is revoked in any case.
            if refusal.status not in _GONE:
                raise self._client.refused(refusal, consent.bic) from refusal

    def _path(self, consent: Reference) -> str:
        return f"{self._client.paths(consent.bic).consents}/{in_path(consent.id)}"


def _created_consent(answer: Answer) -> ScaAnswer:
    created = ScaAnswer.of(answer)
    return ScaAnswer({**created.document, "consentId": identifier(created.document["consentId"])}, created.approach)
