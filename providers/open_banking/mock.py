"""The sandbox's five banks, called like one vendor that reaches them all."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from domain.account_number import AccountNumber, iban_of
from domain.authorisation import Authorisation, AuthorisationMethod, Choice
from domain.bank_account import Balance, BalanceType, Bank, TransactionStatus
from domain.bank_text import TextRules
from domain.clock import Clock
from domain.consent import ConsentStatus
from domain.errors import Unavailable
from domain.ids import BankId
from domain.money import decimal_of
from domain.payment import Payment, Status
from domain.statement import Statement, StatementLine
from providers.calling.guard import BANK_LIST, Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.calling.status_words import status_of
from providers.declaration import MOCK, Tools, Vendor
from providers.open_banking import bank_event, signature
from providers.open_banking.bank_profiles import by_id
from providers.open_banking.bank_settings import (
    ADDRESS,
    OpenBankingSettings,
    previous_webhook_secret_of,
    webhook_secret_of,
)
from providers.open_banking.port import (
    AccessExceeded,
    AccountAccess,
    AccountAtBank,
    BankAdapters,
    BankEvent,
    CancellationState,
    Cancelling,
    ConsentAccess,
    ConsentLost,
    ConsentRequest,
    ConsentState,
    Items,
    NotApprovable,
    PaymentAccess,
    PaymentForgotten,
    PaymentState,
    Psu,
    StartedConsent,
)
from providers.open_banking.readings import money
from providers.open_banking.refusals import not_taken
from providers.open_banking.status import CONSENT_STATUS, FAILURES, NOT_TAKEN, PAYMENT_STATUS, SCA_OPEN, end_of, sca_of
from providers.setting_types import valid_secrets

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# Initiations are missing: a repeated initiation would be a second payment.
RETRIED: Final = frozenset(
    {"banks", "consent_state", "revoke_consent", "accounts", "balances", "transactions", "look_up", "status", "cancel"}
)
_BALANCE_TYPE: Final = {"interimBooked": BalanceType.BOOKED, "interimAvailable": BalanceType.AVAILABLE}


class MockAccountInformation:
    """Account information from the sandbox's banks."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self._sandbox = sandbox

    async def list_banks(self, country: str) -> Sequence[Bank]:
        answer = await self._sandbox.at(BANK_LIST).get("banks", "/bank/banks", country=country)
        return [
            Bank(BankId(bank["id"]), bank["name"], bank["bic"], bank["country"], bank.get("partOf"))
            for bank in answer["banks"]
        ]

    async def start_consent(self, request: ConsentRequest) -> StartedConsent:
        body = {
            "reference": request.consent_id,
            "bank": request.bank_id,
            "psuId": request.psu.national_identity_number,
            "redirectUri": request.redirect_uri,
            "validUntil": request.valid_until.isoformat(),
            "frequencyPerDay": 4,
        }
        answer = await self._sandbox.at(request.bank_id).post("start_consent", "/bank/consents", body)
        expires_at = datetime.fromisoformat(answer["expires_at"])
        awaited = _shown(answer, expires_at) or Authorisation(answer["scaRedirect"], expires_at=expires_at)
        return StartedConsent(answer["consentId"], awaited, date.fromisoformat(answer["validUntil"]))

    async def authorise_consent(self, started: StartedConsent, psu: Psu, redirect_uri: str) -> StartedConsent:
        """Give what is there: the sandbox's banks send the page with the consent."""
        return started

    async def choose_consent_method(
        self, access: ConsentAccess, method: str, redirect_uri: str
    ) -> Authorisation | None:
        bank = self._sandbox.at(access.bank_id)
        try:
            path = f"/bank/consents/{access.reference}/method"
            return _shown(await bank.post("choose_consent_method", path, {"method": method}))
        except SandboxRefusal as refusal:
            raise NotApprovable from refusal

    async def complete_consent(self, access: ConsentAccess, query: Mapping[str, str]) -> ConsentState:
        return await self.consent_state(access)

    async def consent_state(self, access: ConsentAccess) -> ConsentState:
        bank = self._sandbox.at(access.bank_id)
        try:
            answer = await bank.get("consent_state", f"/bank/consents/{access.reference}")
        except SandboxRefusal as refusal:
            raise Unavailable("open_banking", "the bank does not know the consent") from refusal
        status = status_of(CONSENT_STATUS, answer["consentStatus"], of="consent")
        return ConsentState(status, date.fromisoformat(answer["validUntil"]), shown=_shown(answer))

    async def revoke_consent(self, access: ConsentAccess) -> None:
        bank = self._sandbox.at(access.bank_id)
        try:
            await bank.delete("revoke_consent", f"/bank/consents/{access.reference}")
        except SandboxRefusal:
            return  # an unknown consent counts as revoked

    async def accounts(self, bank_id: BankId, consent_reference: str, psu: Psu) -> Items[AccountAtBank]:
        answer = await self._read("accounts", f"/bank/consents/{consent_reference}/accounts", bank_id, psu)
        found = [
            AccountAtBank(
                account["resourceId"],
                AccountNumber(iban_of(account["bban"]), account["bban"]),
                account["currency"],
                account["name"],
                account["ownerName"],
            )
            for account in answer["accounts"]
        ]
        return Items(found)

    async def balances(self, access: AccountAccess) -> Items[Balance]:
        answer = await self._read("balances", f"{_path(access)}/balances", access.bank_id, access.psu)
        found = [
            Balance(
                _BALANCE_TYPE[balance["balanceType"]],
                money(balance["balanceAmount"]),
                datetime.fromisoformat(balance["lastChangeDateTime"]),
            )
            for balance in answer["balances"]
            if balance["balanceType"] in _BALANCE_TYPE
        ]
        return Items(found)

    async def transactions(self, access: AccountAccess, *, since: date) -> Statement:
        lines: list[StatementLine] = []
        page: object = ""
        while page is not None:
            params = {"dateFrom": since.isoformat(), "page": str(page)}
            path = f"{_path(access)}/transactions"
            answer = await self._read("transactions", path, access.bank_id, access.psu, **params)
            lines.extend(map(_transaction, answer["transactions"]))
            page = answer.get("next")
        return Statement(lines, since)

    async def _read(self, operation: str, path: str, bank_id: BankId, psu: Psu, **params: str) -> dict[str, Any]:
        attended = {"psuIpAddress": psu.device.ip_address} if psu.device else {}
        try:
            return await self._sandbox.at(bank_id).get(operation, path, **params, **attended)
        except SandboxRefusal as refusal:
            if refusal.code == "ACCESS_EXCEEDED":
                raise AccessExceeded from refusal
            ended = ConsentStatus.EXPIRED if refusal.code == "CONSENT_EXPIRED" else ConsentStatus.REVOKED
            raise ConsentLost(ended) from refusal


class MockPaymentInitiation:
    """Payments at the sandbox's banks. `webhook_secret` verifies their webhooks."""

    def __init__(
        self,
        sandbox: SandboxClient,
        *,
        webhook_secret: str,
        clock: Clock,
        previous_webhook_secret: str | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._secrets = valid_secrets(webhook_secret, previous_webhook_secret)
        self._clock = clock

    def text_rules(self, bank_id: BankId) -> TextRules:
        return by_id(bank_id).texts

    async def initiate(
        self, payment: Payment, debtor: AccountNumber, bank_id: BankId, psu: Psu, redirect_uri: str
    ) -> PaymentState:
        body = {
            "endToEndIdentification": payment.end_to_end_id,
            "bank": bank_id,
            "debtorAccount": {"bban": debtor.bban},
            "creditorAccount": {"bban": payment.creditor_account.bban},
            "creditorName": payment.creditor_name,
            "instructedAmount": {
                "currency": payment.amount.currency,
                "amount": decimal_of(payment.amount.amount_minor, payment.amount.currency),
            },
            "remittanceInformationUnstructured": payment.message,
            "kid": payment.kid,
            "requestedExecutionDate": payment.scheduled_for and payment.scheduled_for.isoformat(),
            "redirectUri": redirect_uri,
        }
        try:
            return _state(await self._sandbox.at(bank_id).command("initiate", "/bank/payments", body))
        except SandboxRefusal as refusal:
            return PaymentState(Status.REJECTED, "", failure=not_taken(bank_id, [refusal.code]))

    async def authorise(self, access: PaymentAccess, redirect_uri: str) -> PaymentState:
        """Read the payment: the sandbox's banks send the page with the payment."""
        return await self.status(access)

    async def choose_method(
        self, access: PaymentAccess, method: str, redirect_uri: str, *, of_cancellation: bool
    ) -> Authorisation | None:
        bank = self._sandbox.at(access.bank_id)
        try:
            path = f"/bank/payments/{access.reference}/method"
            return _shown(await bank.post("choose_method", path, {"method": method}))
        except SandboxRefusal as refusal:
            raise NotApprovable from refusal

    async def withdraw(self, access: PaymentAccess) -> bool:
        return (await self.cancel(access, "")).is_cancelled

    def wants_device_later(self, bank_id: BankId) -> bool:
        return False

    async def look_up(self, bank_id: BankId, end_to_end_id: str) -> PaymentState | None:
        bank = self._sandbox.at(bank_id)
        try:
            return _state(await bank.get("look_up", f"/bank/payments/by-reference/{end_to_end_id}"))
        except SandboxRefusal:
            return None

    async def complete(self, access: PaymentAccess, query: Mapping[str, str]) -> None:
        """Do nothing: the sandbox's banks have no step after their page."""

    async def status(self, access: PaymentAccess) -> PaymentState:
        bank = self._sandbox.at(access.bank_id)
        try:
            return _state(await bank.get("status", f"/bank/payments/{access.reference}"))
        except SandboxRefusal as refusal:
            raise PaymentForgotten from refusal

    async def cancel(self, access: PaymentAccess, redirect_uri: str) -> Cancelling:
        path = f"/bank/payments/{access.reference}/cancellation"
        try:
            answer = await self._sandbox.at(access.bank_id).post("cancel", path, {"redirectUri": redirect_uri})
        except SandboxRefusal:
            return Cancelling()
        if answer["transactionStatus"] == "CANC":
            return Cancelling(is_cancelled=True)
        return Cancelling(authorisation=_shown(answer) or Authorisation(answer["scaRedirect"]))

    async def cancellation_state(self, access: PaymentAccess) -> CancellationState:
        bank = self._sandbox.at(access.bank_id)
        try:
            answer = await bank.get("status", f"/bank/payments/{access.reference}")
        except SandboxRefusal as refusal:
            raise Unavailable("open_banking", "the bank does not know the payment") from refusal
        return CancellationState(answer.get("cancelSca") == "failed", _shown(answer))

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        signature.verify(raw, headers.get(signature.HEADER), self._secrets, self._clock.now())
        return self.read_webhook(raw)

    def read_webhook(self, raw: bytes) -> BankEvent:
        return bank_event.read(raw)


def _path(access: AccountAccess) -> str:
    return f"/bank/consents/{access.consent_reference}/accounts/{access.resource_id}"


def _transaction(item: Mapping[str, Any]) -> StatementLine:
    return StatementLine(
        transaction_id=item["transactionId"],
        entry_reference=None,
        status=TransactionStatus(item["status"].upper()),
        amount=money(item["transactionAmount"]),
        booking_date=date.fromisoformat(item["bookingDate"]),
        counterparty_name=item["counterpartyName"],
        counterparty_account=item["counterpartyAccount"],
        message=item["remittanceInformationUnstructured"],
        kid=item["kid"],
        end_to_end_id=item["endToEndId"],
        value_date=date.fromisoformat(item["valueDate"]),
    )


def _state(answer: Mapping[str, Any]) -> PaymentState:
    """A payment counts as approved only when its SCA status and its transaction status agree."""
    failure = FAILURES.get(answer.get("reason") or "")
    status = status_of(PAYMENT_STATUS, answer["transactionStatus"], of="bank payment")
    if status is not None and answer["scaStatus"] in SCA_OPEN and not status.is_final:
        status = Status.AUTHORISATION_REQUIRED
    elif status is Status.PROCESSING and answer.get("isScheduled"):
        status = Status.SCHEDULED
    elif status is Status.REJECTED:
        failure = failure or NOT_TAKEN
        status = end_of(failure)
    return PaymentState(status, answer["paymentId"], _awaited(answer), failure, sca=sca_of(answer["scaStatus"]))


def _awaited(answer: Mapping[str, Any]) -> Authorisation | None:
    if answer["scaStatus"] not in SCA_OPEN:
        return None
    expires_at = datetime.fromisoformat(answer["scaExpiresAt"])
    return _shown(answer, expires_at) or Authorisation(answer["scaRedirect"], expires_at=expires_at)


def _shown(answer: Mapping[str, Any], expires_at: datetime | None = None) -> Authorisation | None:
    """What the bank shows in its own app, or offers to choose from; None where the user approves on a page."""
    if "scaMethods" in answer:
        offered = [AuthorisationMethod(one["authenticationMethodId"], one["name"]) for one in answer["scaMethods"]]
        return Authorisation(expires_at=expires_at, choice=Choice(offered, answer["redirectUri"]))
    if "psuMessage" not in answer:
        return None
    code = answer["challengeData"]["data"][0]
    return Authorisation(message=answer["psuMessage"], challenge=code, expires_at=expires_at, is_begun=True)


def _build(settings: OpenBankingSettings, tools: Tools) -> BankAdapters:
    client = tools.sandbox(RESILIENCE, RETRIED)
    secret, before = webhook_secret_of(settings), previous_webhook_secret_of(settings)
    return BankAdapters(
        MockAccountInformation(client),
        MockPaymentInitiation(client, webhook_secret=secret, clock=tools.clock, previous_webhook_secret=before),
    )


VENDOR: Final = Vendor(MOCK, OpenBankingSettings, _build, address=ADDRESS)
