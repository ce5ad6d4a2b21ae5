"""Open banking: reading accounts and starting payments at the user's own bank (PSD2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from domain.account_number import AccountNumber
from domain.bank_account import Balance, Bank, TransactionStatus
from domain.consent import ConsentStatus
from domain.ids import BankId, ConsentId
from domain.money import Money
from domain.payment import Failure, Payment, Status


@dataclass(frozen=True, slots=True)
class Psu:
    """The payment service user. Some banks want the national identity number; it is never logged.

    `ip_address` is set if and only if the user is asking: such a read is attended.
    """

    national_identity_number: str | None
    ip_address: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """`valid_until` is the Oslo date asked for; the bank may shorten it."""

    consent_id: ConsentId
    bank_id: BankId
    psu: Psu
    redirect_uri: str
    valid_until: date


@dataclass(frozen=True, slots=True)
class StartedConsent:
    reference: str
    authorisation_url: str
    valid_until: date


@dataclass(frozen=True, slots=True)
class ConsentState:
    """`reference` is the consent's from now on, where completing it gave it another."""

    status: ConsentStatus
    valid_until: date
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class AccountAtBank:
    """`resource_id` is the bank's own, valid for the consent only."""

    resource_id: str
    number: AccountNumber
    currency: str
    name: str
    owner_name: str


@dataclass(frozen=True, slots=True)
class TransactionAtBank:
    reference: str
    status: TransactionStatus
    amount: Money
    booking_date: date
    counterparty_name: str | None
    counterparty_account: str | None
    message: str | None
    kid: str | None
    end_to_end_id: str | None


@dataclass(frozen=True, slots=True)
class TransactionPage:
    transactions: Sequence[TransactionAtBank]
    next_page: str | None


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """By which consent an account is read, and for whom."""

    bank_id: BankId
    consent_reference: str
    resource_id: str
    psu: Psu


@dataclass(frozen=True, slots=True)
class PaymentState:
    """What the bank says of a payment."""

    status: Status
    reference: str
    authorisation_url: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Cancelling:
    """The bank's answer to a cancellation: done, to be approved at a page, or too late (both empty)."""

    is_cancelled: bool = False
    authorisation_url: str | None = None


@dataclass(frozen=True, slots=True)
class BankEvent:
    """A webhook, read. A hint alone: the status is asked for at the bank before anything moves.

    `raw` is what is kept of it, to be read again.
    """

    event_key: str
    raw: bytes
    end_to_end_id: str | None = None
    payment_reference: str | None = None
    consent_id: str | None = None
    consent_reference: str | None = None


class ConsentLost(Exception):
    """The bank no longer honours the consent; `status` says how it ended."""

    def __init__(self, status: ConsentStatus) -> None:
        super().__init__(status)
        self.status = status


class AccessExceeded(Exception):
    """More unattended reads than the bank allows in a day."""


class AccountInformation(Protocol):
    """Account information services. Source: NextGenPSD2, Account Information Service."""

    async def list_banks(self, country: str) -> Sequence[Bank]:
        """Raises Unavailable."""

    async def start_consent(self, request: ConsentRequest) -> StartedConsent:
        """Register a consent, not yet authorised. Raises Unavailable."""

    async def complete_consent(self, reference: str, query: Mapping[str, str]) -> ConsentState:
        """The browser is back with `query`: take the vendor's last step where it has one. Raises Unavailable."""

    async def consent_state(self, reference: str) -> ConsentState:
        """Raises Unavailable."""

    async def revoke_consent(self, reference: str) -> None:
        """Safe to repeat; one that is gone counts as revoked. Raises Unavailable."""

    async def accounts(self, bank_id: BankId, consent_reference: str, psu: Psu) -> Sequence[AccountAtBank]:
        """Raises Unavailable, ConsentLost, AccessExceeded."""

    async def balances(self, access: AccountAccess) -> Sequence[Balance]:
        """Booked and available. Raises Unavailable, ConsentLost, AccessExceeded."""

    async def transactions(self, access: AccountAccess, *, since: date, page: str | None) -> TransactionPage:
        """Newest first. Raises Unavailable, ConsentLost, AccessExceeded."""


class PaymentInitiation(Protocol):
    """Payment initiation services. Source: NextGenPSD2, Payment Initiation Service."""

    async def initiate(
        self, payment: Payment, debtor: AccountNumber, bank_id: BankId, psu: Psu, redirect_uri: str
    ) -> PaymentState:
        """Register the payment at the debtor's bank; no money moves until the user approves it there.

        Never repeated: a bank has no idempotency key. Its no is an answer (REJECTED); raises Unavailable (nothing was
        sent) or InDoubt (it was sent and no answer came).
        """

    async def look_up(self, end_to_end_id: str) -> PaymentState | None:
        """Find a payment by our own reference; None where the bank never heard of it.

        Raises Unavailable, and CannotTell of a vendor that finds nothing by it.
        """

    async def complete(self, reference: str, query: Mapping[str, str]) -> None:
        """The browser is back with `query`: take the vendor's last step where it has one. Raises Unavailable."""

    async def status(self, reference: str) -> PaymentState:
        """Raises Unavailable."""

    async def cancel(self, reference: str, redirect_uri: str) -> Cancelling:
        """Safe to repeat. Raises Unavailable."""

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        """Verify on the raw body, then read; `url` is what was called.

        Raises BadSignature, BadWebhook, Unavailable (no key to be had).
        """

    def read_webhook(self, raw: bytes) -> BankEvent:
        """Read a body that was verified before. Raises BadWebhook."""
