"""Open banking: account information and payment initiation at the user's own bank (PSD2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

from domain.account_number import AccountNumber
from domain.authorisation import Authorisation
from domain.bank_account import Balance, Bank
from domain.bank_text import TextRules
from domain.consent import ConsentStatus
from domain.device import Device
from domain.errors import Unavailable
from domain.ids import BankId, ConsentId
from domain.payment import Failure, Payment, Sca, Status
from domain.statement import PutAside, Statement
from domain.warning import MutationWarning

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Psu:
    """The payment service user. Some banks want the national identity number, which must not be logged.

    `device` is set if and only if the user is present: such a read is attended and does not count towards the bank's
    daily limit. Without it a bank is told nothing of the user.
    """

    national_identity_number: str | None
    device: Device | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers in which banks are told of the user's device; none for a user who is not present."""
        if self.device is None:
            return {}
        named = self.device.user_agent
        return {"psu-ip-address": self.device.ip_address, **({"psu-user-agent": named} if named else {})}


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A consent to ask for. `valid_until` is the last day, as a date in Oslo; the bank may shorten it."""

    consent_id: ConsentId
    bank_id: BankId
    psu: Psu
    redirect_uri: str
    valid_until: date


@dataclass(frozen=True, slots=True)
class StartedConsent:
    """A consent that is registered at the bank but not authorised.

    `reference` is the vendor's, opaque to callers. `authorisation` is what is awaited of the user, None if the bank has
    not begun the approval, which `needs_approval` says it wants. `valid_until` is the last day, as a date in Oslo.
    `warnings` are the bank's.
    """

    reference: str
    authorisation: Authorisation | None
    valid_until: date
    warnings: Sequence[MutationWarning] = ()
    needs_approval: bool = True


@dataclass(frozen=True, slots=True)
class ConsentState:
    """A consent at the bank. `valid_until` is the last day, as a date in Oslo; `date.max` if the bank gives none.

    `status` is None for a word of the bank that is not known, which moves nothing. `reference` is set if completing the
    consent gave it another reference, which replaces the stored one. `shown` is what a decoupled approval shows now,
    None where it shows nothing new.
    """

    status: ConsentStatus | None
    valid_until: date
    reference: str | None = None
    shown: Authorisation | None = None


@dataclass(frozen=True, slots=True)
class AccountAtBank:
    """An account as the bank sends it. `resource_id` is the bank's id, valid for this consent only.

    `currency` is an ISO 4217 code. `owner_name` is empty if the bank does not send it.
    """

    resource_id: str
    number: AccountNumber
    currency: str
    name: str
    owner_name: str


@dataclass(frozen=True, slots=True)
class Items(Generic[Item]):
    """The items of a bank's answer, and those of them that cannot be read.

    `away` is why some of the latter could not be asked for just now, None where none was so.
    """

    found: Sequence[Item]
    put_aside: Sequence[PutAside] = ()
    away: "Unavailable | AccessExceeded | None" = None


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """Which account to read, by which consent, and for which user.

    `number` and `currency` (ISO 4217) are the account's, by which its lines and balances are read.
    """

    bank_id: BankId
    consent_reference: str
    resource_id: str
    psu: Psu
    number: AccountNumber
    currency: str


@dataclass(frozen=True, slots=True)
class ConsentAccess:
    """Which consent a call is about, at which bank, and for which user. `reference` is the vendor's.

    `psu.device` is set if and only if the user is present. `began_from` is the device of the request that asked for the
    consent, for banks that want to hear of it in every later call; None once the consent is given or over.
    """

    reference: str
    bank_id: BankId
    psu: Psu
    began_from: Device | None = None


@dataclass(frozen=True, slots=True)
class PaymentAccess:
    """Which payment a call is about, at which bank, and for which user. `reference` is the vendor's.

    `psu.device` is set if and only if the user is present. `began_from` is the device of the request that began the
    payment, for banks that want to hear of it in every later call. `execution_date` is the day in Oslo on which the
    bank carries the payment out, None for at once.
    """

    reference: str
    bank_id: BankId
    psu: Psu
    began_from: Device | None = None
    execution_date: date | None = None


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment at the bank. `authorisation` is what is awaited of the user, if the bank has said so.

    `status` is None for a word of the bank that is not known, which moves nothing. `reference` is the vendor's and
    opaque to callers. It means nothing if an initiation was refused (REJECTED). `warnings` are those that the bank
    gives with a payment that it has taken. `sca` is None if no SCA status was read. `is_last`: the vendor sends no more
    reports of a payment whose outcome it has not told. `is_inferred`: the bank has not told this end of the payment, it
    follows from an approval that has failed.
    """

    status: Status | None
    reference: str
    authorisation: Authorisation | None = None
    failure: Failure | None = None
    warnings: Sequence[MutationWarning] = ()
    sca: Sca | None = None
    is_last: bool = False
    is_inferred: bool = False


@dataclass(frozen=True, slots=True)
class Cancelling:
    """The bank's answer to a cancellation: done, to be approved by the user, or neither: it is too late.

    `is_possible` is False if the vendor cancels no payments at all: it was only asked how the payment stands.
    """

    is_cancelled: bool = False
    authorisation: Authorisation | None = None
    is_possible: bool = True


@dataclass(frozen=True, slots=True)
class CancellationState:
    """The user's approval of a cancellation at the bank. Refused, or too late, the payment goes on.

    `shown` is what a decoupled approval shows now, None where it shows nothing new.
    """

    is_refused: bool = False
    shown: Authorisation | None = None


@dataclass(frozen=True, slots=True)
class BankEvent:
    """A bank's webhook. It only says which payment or consent to ask about: the status is read at the bank.

    `event_key` is the same when the webhook is repeated. `raw` is stored, and read again by `read_webhook`.
    `end_to_end_id` and `consent_id` are our ids, `payment_reference` and `consent_reference` the vendor's.
    """

    event_key: str
    raw: bytes
    end_to_end_id: str | None = None
    payment_reference: str | None = None
    consent_id: str | None = None
    consent_reference: str | None = None


class PaymentForgotten(Unavailable):
    """The bank does not know a payment any more. `is_expired`: it says that the payment has lapsed, for good.

    `sca` is the SCA status if the bank gives it all the same.
    """

    def __init__(self, *, is_expired: bool = False, sca: Sca | None = None) -> None:
        super().__init__("open_banking", "the bank does not know the payment")
        self.is_expired = is_expired
        self.sca = sca


class NotApprovable(Exception):
    """The bank offers no approval that Drop can carry: neither a page nor an app of its own."""


class ConsentLost(Exception):
    """The bank does not accept the consent any more. `status` says how the consent ended."""

    def __init__(self, status: ConsentStatus) -> None:
        super().__init__(status)
        self.status = status


class AccountLost(Exception):
    """The bank does not know the account under this consent any more, which says nothing about the consent."""


class AccessExceeded(Exception):
    """The bank refuses more unattended reads today. Attended reads are still possible."""


class AccountInformation(Protocol):
    """Account information services, for one vendor. Dates are dates in Oslo.

    Source: NextGenPSD2, Account Information Service; docs/vendors/nextgenpsd2.md.
    """

    async def list_banks(self, country: str) -> Sequence[Bank]:
        """The banks of a country (ISO 3166, such as NO). Safe to repeat. Raises Unavailable."""

    async def start_consent(self, request: ConsentRequest) -> StartedConsent:
        """Register a consent, which the user then approves. A repeat makes another consent. Raises Unavailable.

        Once the bank has the consent, its reference is given whatever else is missing: without an `authorisation` the
        caller stores the reference and calls `authorise_consent`.
        """

    async def authorise_consent(self, started: StartedConsent, psu: Psu, redirect_uri: str) -> StartedConsent:
        """Begin the approval of a registered consent that awaits none yet. Gives a reference for later calls.

        Without an `authorisation` in the answer no approval follows, and the state is to be read. Raises Unavailable,
        and NotApprovable.
        """

    async def choose_consent_method(
        self, access: ConsentAccess, method: str, redirect_uri: str
    ) -> Authorisation | None:
        """Go on with a consent by one of the methods that the bank offers, and give what is awaited of the user then.

        Not repeated: it may reach the user's phone. Without an answer no approval follows, and the state is to be read.
        Raises Unavailable, and NotApprovable if the bank does not take that method.
        """

    async def complete_consent(self, access: ConsentAccess, query: Mapping[str, str]) -> ConsentState:
        """Finish a consent after the browser is back, and give its state. `query` is that of the return address.

        Safe to repeat with the reference that the first call gave. Raises Unavailable.
        """

    async def consent_state(self, access: ConsentAccess) -> ConsentState:
        """The consent's present state at the bank. Safe to repeat. Raises Unavailable."""

    async def revoke_consent(self, access: ConsentAccess) -> None:
        """End a consent at the bank. Safe to repeat: an unknown consent counts as revoked. Raises Unavailable."""

    async def accounts(self, bank_id: BankId, consent_reference: str, psu: Psu) -> Items[AccountAtBank]:
        """The accounts that the consent covers. Safe to repeat. Raises Unavailable, ConsentLost, AccessExceeded.

        One that cannot be asked for costs itself alone (`Items.away`).
        """

    async def balances(self, access: AccountAccess) -> Items[Balance]:
        """The booked and the available balance, as far as the bank sends them in the account's currency.

        Safe to repeat. Raises Unavailable, ConsentLost, AccountLost, AccessExceeded.
        """

    async def transactions(self, access: AccountAccess, *, since: date) -> Statement:
        """The account's lines since a day, or since the first day after it that the bank gives, from all pages.

        What can be read of a list that breaks off is given as such. Safe to repeat. Raises Unavailable, ConsentLost,
        AccountLost, AccessExceeded.
        """


class PaymentInitiation(Protocol):
    """Payment initiation services, for one vendor.

    Source: NextGenPSD2, Payment Initiation Service; docs/vendors/nextgenpsd2.md.
    """

    def text_rules(self, bank_id: BankId) -> TextRules:
        """What the bank takes as a payment's texts. Nothing is asked of the bank."""

    async def initiate(
        self, payment: Payment, debtor: AccountNumber, bank_id: BankId, psu: Psu, redirect_uri: str
    ) -> PaymentState:
        """Register the payment at the debtor's bank; no money moves until the user approves it there, if they must.

        The payment's texts fit `text_rules`. Never repeated: banks have no idempotency keys. A refused payment is an
        answer (REJECTED). Once the bank has accepted the payment, its reference is given whatever else is missing:
        without an `authorisation` the caller stores the reference and calls `authorise`. Raises Unavailable (nothing
        was sent) or InDoubt (it was sent and no answer came).
        """

    async def authorise(self, access: PaymentAccess, redirect_uri: str) -> PaymentState:
        """Begin the approval of an initiated payment that awaits none yet. Gives a reference for later calls.

        Not repeated: a second approval could ask the user twice. Where no approval follows (exempted), the status that
        the bank gives decides. Raises Unavailable, and NotApprovable; the bank has the payment all the same.
        """

    async def choose_method(
        self, access: PaymentAccess, method: str, redirect_uri: str, *, of_cancellation: bool
    ) -> Authorisation | None:
        """Go on with a payment, or its cancellation, by one of the methods that the bank offers. As for consents."""

    async def withdraw(self, access: PaymentAccess) -> bool:
        """Take back a payment that cannot be approved. True if the bank says that it is cancelled.

        Anything else proves nothing: the bank may still carry it out. Safe to repeat. Raises Unavailable.
        """

    def wants_device_later(self, bank_id: BankId) -> bool:
        """Whether later calls need `PaymentAccess.began_from`, so that it has to be kept until the payment is final."""

    async def look_up(self, bank_id: BankId, end_to_end_id: str) -> PaymentState | None:
        """Find a payment at a bank by our own end-to-end id, None if the bank does not know it.

        Safe to repeat. Raises Unavailable, and CannotTell if the vendor cannot search by our id.
        """

    async def complete(self, access: PaymentAccess, query: Mapping[str, str]) -> None:
        """Finish an approval after the browser is back. `query` is that of the return address.

        Safe to repeat. Raises Unavailable.
        """

    async def status(self, access: PaymentAccess) -> PaymentState:
        """The payment's present state at the bank. Safe to repeat. Raises Unavailable, PaymentForgotten."""

    async def cancel(self, access: PaymentAccess, redirect_uri: str) -> Cancelling:
        """Ask the bank to cancel a payment. Safe to repeat.

        Raises Unavailable, PaymentForgotten, and NotApprovable if the bank wants an approval that Drop cannot carry.
        """

    async def cancellation_state(self, access: PaymentAccess) -> CancellationState:
        """How the approval stands that `cancel` has asked for. Safe to repeat. Raises Unavailable."""

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        """Verify a webhook over its raw body, and read it. `headers` have lower-case names; `url` is the called one.

        Safe to repeat. Raises BadSignature, BadWebhook, and Unavailable if the vendor's key cannot be read.
        """

    def read_webhook(self, raw: bytes) -> BankEvent:
        """Read a stored `BankEvent.raw`, which was verified before. Raises BadWebhook."""


@dataclass(frozen=True, slots=True)
class BankAdapters:
    """A vendor's adapters, which share a client, a token and a breaker."""

    accounts: AccountInformation
    payments: PaymentInitiation
