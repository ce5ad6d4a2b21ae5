"""The adapters of every port, as the settings choose them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import httpx

from domain.clock import Clock
from gateway.mail_key import public_key_of
from gateway.settings import SLACK, Settings
from providers.alerts import slack
from providers.alerts.console import ConsoleAlerts
from providers.alerts.port import AlertChannel
from providers.card_issuing import mock as issuing_mock
from providers.card_issuing.port import CardIssuing
from providers.card_payments import mock as cards_mock
from providers.card_payments.port import CardPaymentsProvider
from providers.email import mock as email_mock
from providers.email.port import EmailProvider
from providers.errors.off import NoCapture
from providers.errors.port import ErrorCapture
from providers.geocoding import mock as geocoding_mock
from providers.geocoding.port import Geocoder
from providers.identity import mock as identity_mock
from providers.identity.port import IdentityProvider
from providers.kyc import mock as kyc_mock
from providers.kyc.port import KycProvider
from providers.open_banking import mock as bank_mock
from providers.open_banking.port import AccountInformation, PaymentInitiation
from providers.resilience import Guard, Resilience
from providers.sandbox_client import SandboxClient
from providers.sms import mock as sms_mock
from providers.sms.port import SmsProvider
from providers.storage import mock as storage_mock
from providers.storage.port import ObjectStore
from providers.texts import Texts
from providers.uptime.mock import MockUptime
from providers.uptime.port import UptimeMonitoring
from providers.vendors import Registered

MOCK: Final = "mock"
Port = TypeVar("Port")


@dataclass(frozen=True, slots=True)
class Adapters:
    """Every port's vendors, and by port whether its vendor's breaker is open."""

    identity: IdentityProvider
    kyc: Registered[KycProvider]
    accounts: Registered[AccountInformation]
    payments: Registered[PaymentInitiation]
    cards: Registered[CardPaymentsProvider]
    email: Registered[EmailProvider]
    sms: Registered[SmsProvider]
    geocoding: Registered[Geocoder]
    storage: Registered[ObjectStore]
    issuing: Registered[CardIssuing]
    alerts: AlertChannel
    errors: ErrorCapture
    breakers: Mapping[str, Callable[[], Awaitable[bool]]]


class Declared(Protocol):
    """An adapter's module: how its vendor is called, as data."""

    RESILIENCE: Resilience
    RETRIED: frozenset[str]


def build_adapters(
    settings: Settings, clock: Clock, sandbox: httpx.AsyncClient, internet: Callable[[], httpx.AsyncClient]
) -> Adapters:
    """Every vendor is played by the sandbox; alerts go where the settings say.

    `internet` opens a client, which costs its certificates' loading: only where a vendor outside is chosen.
    """

    breakers: dict[str, Callable[[], Awaitable[bool]]] = {}

    def guarded(provider: str, declared: Declared) -> Guard:
        guard = Guard(provider, declared.RESILIENCE, declared.RETRIED)
        breakers[provider] = guard.is_open
        return guard

    def client(provider: str, declared: Declared) -> SandboxClient:
        return SandboxClient(sandbox, guarded(provider, declared))

    def alerts() -> AlertChannel:
        if settings.slack_webhook_url is None or settings.vendor_of("alerts") != SLACK:
            return ConsoleAlerts(settings.environment)
        url = settings.slack_webhook_url.get_secret_value()
        return slack.SlackAlerts(internet(), guarded("alerts", slack), url=url, environment=settings.environment)

    texts = Texts()
    banks = client("open_banking", bank_mock)
    kyc = kyc_mock.MockKyc(
        client("kyc", kyc_mock), webhook_secret=settings.sumsub_secret_key.get_secret_value(), clock=clock
    )
    payments = bank_mock.MockPaymentInitiation(
        banks, webhook_secret=settings.openbanking_webhook_secret.get_secret_value(), clock=clock
    )
    cards = cards_mock.MockCardPayments(
        client("card_payments", cards_mock),
        webhook_secret=settings.stripe_webhook_secret.get_secret_value(),
        clock=clock,
    )
    email = email_mock.MockEmail(
        client("email", email_mock),
        texts,
        webhook_public_key=public_key_of(settings.mock_mail_key.get_secret_value()),
        clock=clock,
    )
    sms = sms_mock.MockSms(client("sms", sms_mock), texts, auth_token=settings.twilio_auth_token.get_secret_value())
    storage = storage_mock.MockObjectStore(
        client("storage", storage_mock), signing_key=settings.mock_storage_key.get_secret_value(), clock=clock
    )
    return Adapters(
        identity=identity_mock.MockBankId(client("identity", identity_mock)),
        kyc=_mock(kyc),
        accounts=_mock(bank_mock.MockAccountInformation(banks)),
        payments=_mock(payments),
        cards=_mock(cards),
        email=_mock(email),
        sms=_mock(sms),
        storage=_mock(storage),
        issuing=_mock(issuing_mock.MockCardIssuing(client("card_issuing", issuing_mock))),
        alerts=alerts(),
        errors=NoCapture(),
        breakers=breakers,
        geocoding=_mock(geocoding_mock.MockGeocoder(client("geocoding", geocoding_mock))),
    )


def uptime_adapter() -> UptimeMonitoring:
    """For the commands, which need no running gateway."""
    return MockUptime()


def _mock(adapter: Port) -> Registered[Port]:
    return Registered(MOCK, {MOCK: adapter})
