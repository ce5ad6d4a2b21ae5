"""Payments by Enable Banking, and its webhooks about them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson

from domain.account_number import AccountNumber
from domain.authorisation import Authorisation
from domain.bank_text import TextRules
from domain.clock import Clock, oslo_date
from domain.errors import BadWebhook, CannotTell
from domain.ids import BankId
from domain.payment import Payment, Status
from domain.redirect import state_of
from providers.calling.json_parts import text, within
from providers.calling.vendor_http import UNREADABLE, Answer, VendorRefusal
from providers.open_banking import enable_banking_objects as objects
from providers.open_banking import enable_banking_webhook
from providers.open_banking.bank_profiles import by_id
from providers.open_banking.enable_banking_client import EnableBankingClient, error_of
from providers.open_banking.enable_banking_webhook import WebhookKeys
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
from providers.open_banking.refusals import not_taken, note, note_told
from providers.open_banking.status import NOT_TAKEN
from providers.open_banking.vendor_ids import in_path

_REJECTED: Final = frozenset(
    {
        "INVALID_PAYMENT",
        "PAYMENT_LIMIT_EXCEEDED",
        "UNTRUSTED_PAYMENT_PARTY",
        "WRONG_REQUEST_PARAMETERS",
        "ASPSP_PSU_ACTION_REQUIRED",
    }
)


# The vendor, or the bank behind it, does not know the payment any more.
_FORGOTTEN: Final = frozenset({"PAYMENT_NOT_FOUND", "ASPSP_PAYMENT_NOT_ACCESSIBLE"})


class EnableBankingPayments:
    """Payments through Enable Banking. `keys` are the public keys that verify its webhooks."""

    def __init__(self, client: EnableBankingClient, keys: WebhookKeys, *, clock: Clock) -> None:
        self._client = client
        self._keys = keys
        self._clock = clock

    def text_rules(self, bank_id: BankId) -> TextRules:
        return by_id(bank_id).texts

    async def initiate(
        self, payment: Payment, debtor: AccountNumber, bank_id: BankId, psu: Psu, redirect_uri: str
    ) -> PaymentState:
        aspsp, application = await self._client.bank(bank_id), self._client.application
        body = {
            "payment_type": "DOMESTIC",
            "aspsp": aspsp.key,
            "psu_type": "personal",
            "language": "nb",
            **aspsp.payment_method,
            "state": state_of(redirect_uri),
            "redirect_url": application.callback_url,
            "webhook_url": application.webhook_url,
            "payment_request": objects.payment_request(by_id(bank_id), payment, debtor),
        }
        headers = self._client.psu_headers(aspsp, psu)
        try:
            started = await self._client.command(
                "initiate", "/payments", _started, bank=bank_id, headers=headers, json=body
            )
        except VendorRefusal as refusal:
            if error_of(refusal) not in _REJECTED:
                note(bank_id, [error_of(refusal)])
                raise self._client.refused(refusal, bank_id) from refusal
            return PaymentState(Status.REJECTED, "", failure=not_taken(bank_id, [error_of(refusal)]))
        if started.is_rejected:
            told = not_taken(bank_id, [started.reason] if started.reason else [])
            status, failure = objects.rejection(started.reason)
            return PaymentState(status, started.id, failure=told if failure is NOT_TAKEN else failure)
        awaited = Authorisation(started.page) if started.page else None
        return PaymentState(Status.AUTHORISATION_REQUIRED, started.id, awaited)

    async def authorise(self, access: PaymentAccess, redirect_uri: str) -> PaymentState:
        """Raise NotApprovable: the vendor sends the page with the payment, and no second one."""
        raise NotApprovable

    async def choose_method(
        self, access: PaymentAccess, method: str, redirect_uri: str, *, of_cancellation: bool
    ) -> Authorisation | None:
        """Raise NotApprovable: the user chooses on the vendor's page."""
        raise NotApprovable

    async def withdraw(self, access: PaymentAccess) -> bool:
        """Only read the status: DELETE forgets a finished payment here and cancels none (enable_banking.md)."""
        return (await self.status(access)).status is Status.CANCELLED

    def wants_device_later(self, bank_id: BankId) -> bool:
        return False

    async def look_up(self, bank_id: BankId, end_to_end_id: str) -> PaymentState | None:
        raise CannotTell("Enable Banking finds nothing by our reference.")

    async def complete(self, access: PaymentAccess, query: Mapping[str, str]) -> None:
        """Do nothing: the vendor's own page has completed the approval."""

    async def status(self, access: PaymentAccess) -> PaymentState:
        path = f"/payments/{in_path(access.reference)}"
        try:
            found = await self._client.call("status", "GET", path, objects.payment, bank=access.bank_id)
        except VendorRefusal as refusal:
            if error_of(refusal) in _FORGOTTEN:
                raise PaymentForgotten from refusal
            raise self._client.refused(refusal, access.bank_id) from refusal
        # How the bank's payments end counts with its last report alone.
        enough = await self._client.final_statuses(access.bank_id) if found.is_final else frozenset()
        status, failure = objects.payment_status(found, enough, oslo_date(self._clock.now()))
        note_told(access.bank_id, [found.reason] if found.reason else [], failure)
        is_last = found.is_final and status is Status.PROCESSING
        return PaymentState(status, access.reference, failure=failure, is_last=is_last)

    async def cancel(self, access: PaymentAccess, redirect_uri: str) -> Cancelling:
        """Only read the status: the vendor cannot cancel (enable_banking.md, Payments); unapproved payments lapse."""
        state = await self.status(access)
        return Cancelling(is_cancelled=state.status is Status.CANCELLED, is_possible=False)

    async def cancellation_state(self, access: PaymentAccess) -> CancellationState:
        """Give nothing: no cancellation is ever begun here."""
        return CancellationState()

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        now = int(self._clock.now().timestamp())
        await enable_banking_webhook.verify(raw, headers, self._keys, app_id=self._client.application.id, now=now)
        return self.read_webhook(raw)

    def read_webhook(self, raw: bytes) -> BankEvent:
        """Only the payment's id is used: the event's other fields are not documented."""
        try:
            document = orjson.loads(raw)
            identifier = document["payment_id"]
            status = str(document.get("status", ""))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise BadWebhook("Not an Enable Banking event: payment_id is needed.") from error
        if not isinstance(identifier, str) or not 0 < len(identifier) <= 100:
            raise BadWebhook("Not an Enable Banking event: payment_id is needed.")
        return BankEvent(
            event_key=f"{identifier}:{status}"[:200],
            raw=raw,
            payment_reference=identifier,
        )


@dataclass(frozen=True, slots=True)
class _Started:
    """The answer to an initiation. `reason` is the code of a rejection."""

    id: str
    page: str | None
    is_rejected: bool
    reason: str | None


def _started(answer: Answer) -> _Started:
    """What was started. Only the id is needed: what else cannot be read must not lose a payment that exists."""
    page = None
    with suppress(*UNREADABLE):
        page = objects.page(answer)
    document = answer.document
    reason = text(within(document, "status_reason_information", "status_reason_code"))
    return _Started(identifier(document["payment_id"]), page, document.get("status") == "RJCT", reason)
