"""The sources of webhooks: one per address, for all vendors that send to that address."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from db.unit_of_work import Queries, Read
from domain.errors import BadSignature, BadWebhook
from domain.outcome import Outcome
from domain.payment import Payment, PaymentCause
from domain.plan import PlanSubscription
from providers.card_payments.port import CardEvent, CardPaymentsProvider
from providers.delivery import DeliveryReport
from providers.email.port import EmailProvider
from providers.kyc.port import KycEvent, KycProvider
from providers.open_banking.port import BankEvent, PaymentInitiation
from providers.sms.port import SmsProvider
from providers.vendors import Vendors
from services.banks.links import BankLinks
from services.notifications.deliver import NotificationDelivery
from services.payments.bank_status import BankStatusSync
from services.payments.card_status import CardStatusSync
from services.plans.status import PlanStatusSync
from services.users.kyc import KycService

Port = TypeVar("Port")
Result = TypeVar("Result")
Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook's body as it came, the vendor's headers, and the address that the vendor called."""

    raw: bytes
    headers: Mapping[str, str]
    url: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event of a verified delivery: `event_key` is unique per vendor, `raw` is the event's own body."""

    event_key: str
    raw: bytes


class WebhookSource(Protocol):
    """What the inbox needs of a vendor: its signature verified, and its events acted on.

    `is_of_money`: its events tell of payments, refunds or plans.
    """

    @property
    def is_of_money(self) -> bool:
        """Whether its jobs have a share of the workers of their own."""

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        """The events in a delivery that its vendor signed. Raises BadSignature, BadWebhook."""

    async def process(self, raw: bytes) -> Outcome | None:
        """Act on one event. Gives None if it names no object that Drop knows.

        Safe to repeat. Raises Unavailable where the vendor cannot be asked.
        """

    async def payment_of(self, read: Queries, raw: bytes) -> Payment | None:
        """The payment that an event names, for its timeline. Raises BadWebhook."""


class KycWebhooks:
    """The KYC vendor's webhooks: a review has moved, so the vendor is asked."""

    is_of_money = False

    def __init__(self, read: Read, vendors: Vendors[KycProvider], kyc: KycService) -> None:
        self._read = read
        self._vendors = vendors
        self._kyc = kyc

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        event = await _by_any(self._vendors, lambda kyc: _awaited(kyc.parse_webhook(delivery.raw, delivery.headers)))
        return [Incoming(event.event_key, delivery.raw)]

    async def process(self, raw: bytes) -> Outcome | None:
        async def act(vendor: str, event: KycEvent) -> Outcome | None:
            async with self._read() as read:
                kyc = await read.kyc.by_vendor_reference(vendor, event.user_id, event.applicant_id)
            # Without an applicant the webhook has overtaken the reply that names it: it is tried again.
            if kyc is None or kyc.applicant_id is None:
                return None
            return (await self._kyc.refresh(kyc.user_id)).about(kyc.user_id)

        return await _first(self._vendors, lambda kyc: kyc.read_webhook(raw), act)

    async def payment_of(self, read: Queries, raw: bytes) -> Payment | None:
        return None


class OpenBankingWebhooks:
    """Banks' and aggregators' webhooks: a payment or a consent has moved, so the bank is asked."""

    is_of_money = True

    def __init__(
        self, read: Read, vendors: Vendors[PaymentInitiation], bank_links: BankLinks, sync: BankStatusSync
    ) -> None:
        self._read = read
        self._vendors = vendors
        self._bank_links = bank_links
        self._sync = sync

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        event = await _by_any(
            self._vendors, lambda bank: bank.parse_webhook(delivery.raw, delivery.headers, delivery.url)
        )
        return [Incoming(event.event_key, event.raw)]

    async def process(self, raw: bytes) -> Outcome | None:
        return await _first(
            self._vendors,
            lambda bank: bank.read_webhook(raw),
            lambda vendor, event: self._process(vendor, event),
        )

    async def payment_of(self, read: Queries, raw: bytes) -> Payment | None:
        def find(vendor: str, event: BankEvent) -> Awaitable[Payment | None]:
            return _bank_payment(read, vendor, event)

        return await _first(self._vendors, lambda bank: bank.read_webhook(raw), find)

    async def _process(self, vendor: str, event: BankEvent) -> Outcome | None:
        if event.consent_id or event.consent_reference:
            return await self._process_consent(vendor, event)
        async with self._read() as read:
            payment = await _bank_payment(read, vendor, event)
        if payment is None:
            return None
        return (await self._sync.ask(payment, PaymentCause.WEBHOOK)).about(payment.user_id)

    async def _process_consent(self, vendor: str, event: BankEvent) -> Outcome | None:
        async with self._read() as read:
            consent = await read.consents.by_vendor_reference(vendor, event.consent_id, event.consent_reference)
        if consent is None:
            return None
        return (await self._bank_links.refresh_consent(consent.user_id, consent.id)).about(consent.user_id)


class CardWebhooks:
    """The card vendor's webhooks: a payment, refund, dispute or plan has moved, so the vendor is asked."""

    is_of_money = True

    def __init__(
        self, read: Read, vendors: Vendors[CardPaymentsProvider], sync: CardStatusSync, plans: PlanStatusSync
    ) -> None:
        self._read = read
        self._vendors = vendors
        self._sync = sync
        self._plans = plans

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        event = await _by_any(
            self._vendors, lambda cards: _awaited(cards.parse_webhook(delivery.raw, delivery.headers))
        )
        return [Incoming(event.event_key, delivery.raw)]

    async def process(self, raw: bytes) -> Outcome | None:
        return await _first(
            self._vendors,
            lambda cards: cards.read_webhook(raw),
            lambda vendor, event: self._process(vendor, event),
        )

    async def payment_of(self, read: Queries, raw: bytes) -> Payment | None:
        def find(vendor: str, event: CardEvent) -> Awaitable[Payment | None]:
            return _card_payment(read, vendor, event)

        return await _first(self._vendors, lambda cards: cards.read_webhook(raw), find)

    async def _process(self, vendor: str, event: CardEvent) -> Outcome | None:
        async with self._read() as read:
            payment = await _card_payment(read, vendor, event)
        if payment is not None:
            return (await self._sync.ask(payment, PaymentCause.WEBHOOK)).about(payment.user_id)
        subscription = await self._subscription(vendor, event)
        if subscription is None:
            return None
        if event.concern is not None:
            self._plans.alert(subscription, event.concern)
        return (await self._plans.ask(subscription, PaymentCause.WEBHOOK)).about(subscription.user_id)

    async def _subscription(self, vendor: str, event: CardEvent) -> PlanSubscription | None:
        async with self._read() as read:
            found = await read.plans.by_vendor_reference(vendor, event.subscription_id, event.subscription_reference)
            if found is None and event.invoice_reference is not None:
                found = await read.plans.by_vendor_invoice(vendor, event.invoice_reference)
        is_named = event.payment_id or event.subscription_id or event.subscription_reference
        if found is not None or is_named:
            return found
        # An intent, charge or dispute of an invoice that was not read yet: only the vendor knows whose it is.
        reference = await self._vendors[vendor].subscription_of(event)
        async with self._read() as read:
            return await read.plans.by_vendor_reference(vendor, None, reference)


class EmailWebhooks:
    """A delivery holds many events; each is stored, deduplicated and processed by itself."""

    is_of_money = False

    def __init__(self, vendors: Vendors[EmailProvider], notifications: NotificationDelivery) -> None:
        self._vendors = vendors
        self._notifications = notifications

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        reports = await _by_any(
            self._vendors, lambda vendor: _awaited(vendor.parse_webhook(delivery.raw, delivery.headers))
        )
        return [Incoming(event.event_key, event.raw) for event in reports]

    async def process(self, raw: bytes) -> Outcome | None:
        return await _first(self._vendors, lambda vendor: vendor.read_event(raw), self._apply)

    async def _apply(self, vendor: str, event: DeliveryReport) -> Outcome | None:
        return await self._notifications.apply(event, vendor)

    async def payment_of(self, read: Queries, raw: bytes) -> Payment | None:
        return None


class SmsWebhooks:
    """The SMS vendor's delivery reports."""

    is_of_money = False

    def __init__(self, vendors: Vendors[SmsProvider], notifications: NotificationDelivery) -> None:
        self._vendors = vendors
        self._notifications = notifications

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        event = await _by_any(
            self._vendors, lambda vendor: _awaited(vendor.parse_status(delivery.raw, delivery.headers, delivery.url))
        )
        return [Incoming(event.event_key, event.raw)]

    async def process(self, raw: bytes) -> Outcome | None:
        return await _first(self._vendors, lambda vendor: vendor.read_status(raw), self._apply)

    async def _apply(self, vendor: str, event: DeliveryReport) -> Outcome | None:
        return await self._notifications.apply(event, vendor)

    async def payment_of(self, read: Queries, raw: bytes) -> Payment | None:
        return None


def _bank_payment(read: Queries, vendor: str, event: BankEvent) -> Awaitable[Payment | None]:
    return read.payments.by_vendor_reference(vendor, event.end_to_end_id, event.payment_reference)


def _card_payment(read: Queries, vendor: str, event: CardEvent) -> Awaitable[Payment | None]:
    return read.payments.of_card_vendor(vendor, event.payment_id, event.payment_reference)


async def _by_any(vendors: Vendors[Port], take: Callable[[Port], Awaitable[Result]]) -> Result:
    """The result of the first vendor that accepts the webhook; the current vendor is tried first.

    If no vendor accepts it, raises the current vendor's BadSignature or BadWebhook.
    """
    refused: BadSignature | BadWebhook | None = None
    for name in vendors.names:
        try:
            return await take(vendors[name])
        except (BadSignature, BadWebhook) as error:
            refused = refused or error
    assert refused is not None
    raise refused


async def _awaited(value: Result) -> Result:
    return value


async def _first(
    vendors: Vendors[Port],
    read: Callable[[Port], Event],
    act: Callable[[str, Event], Awaitable[Result | None]],
) -> Result | None:
    """The outcome of the first vendor that can read the body and whose rows have the object that it names."""
    for name in vendors.names:
        try:
            event = read(vendors[name])
        except BadWebhook:
            continue
        found = await act(name, event)
        if found is not None:
            return found
    return None
