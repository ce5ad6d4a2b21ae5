"""The adapters of every port, as the settings choose them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

import httpx

from domain.clock import Clock
from gateway.assembly.adapter_factory import Check, Declared, secret_of
from gateway.assembly.bank_adapters import BankMakers
from gateway.assembly.internet import Internet
from gateway.mock.mail_key import public_key_of
from gateway.settings.settings import Settings
from gateway.settings.vendors import (
    BANKID,
    BETTERSTACK,
    CONSOLE,
    DIRECT,
    ENABLE_BANKING,
    GOOGLE,
    MOCK,
    OFF,
    OPEN_PAYMENTS,
    S3,
    SENDGRID,
    SLACK,
    SMTP,
    STRIPE,
    SUMSUB,
    TWILIO,
)
from providers.alerts import slack
from providers.alerts.console import ConsoleAlerts
from providers.alerts.port import AlertChannel
from providers.calling.error_budget import ErrorBudget
from providers.calling.guard import Guard
from providers.calling.shared import SharedCalling
from providers.card_issuing import mock as issuing_mock
from providers.card_issuing.port import CardIssuing
from providers.card_payments import mock as cards_mock
from providers.card_payments.port import CardPaymentsProvider
from providers.email import mock as email_mock
from providers.email import sendgrid, smtp
from providers.email.fallback import WithBackup
from providers.email.port import EmailProvider, Sender
from providers.errors.off import NoCapture
from providers.errors.port import ErrorCapture
from providers.geocoding import google
from providers.geocoding import mock as geocoding_mock
from providers.geocoding.port import Geocoder
from providers.identity import bankid
from providers.identity import mock as identity_mock
from providers.identity.port import IdentityProvider
from providers.kyc import mock as kyc_mock
from providers.kyc import sumsub
from providers.kyc.port import KycProvider
from providers.open_banking.port import AccountInformation, PaymentInitiation
from providers.sms import mock as sms_mock
from providers.sms import twilio
from providers.sms.port import SmsProvider
from providers.storage import mock as storage_mock
from providers.storage import s3
from providers.storage.port import Bucket, ObjectStore
from providers.uptime import betterstack
from providers.uptime.mock import MockUptime
from providers.uptime.port import UptimeMonitoring
from providers.vendors import Registered

if TYPE_CHECKING:
    from providers.stripe_sdk import Stripe


@dataclass(frozen=True, slots=True)
class Adapters:
    """Every port's vendors; by port whether its current vendor's breaker is open; by vendor how to check it.

    `budgets` are by port of the vendors that are being moved to, `guards` by port and vendor.
    """

    identity: Registered[IdentityProvider]
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
    checks: Mapping[str, Check]
    budgets: Mapping[str, ErrorBudget]
    guards: Mapping[str, Guard]


def build_adapters(
    settings: Settings,
    clock: Clock,
    sandbox: httpx.AsyncClient | None,
    internet: Internet,
    shared: SharedCalling,
) -> Adapters:
    """Every vendor that can be spoken to, and for each port the one that the settings choose.

    `internet` opens a client for one vendor outside, so that a slow one holds none of the others' connections.
    """
    make = _Maker(settings, clock, sandbox, internet, shared)
    return Adapters(
        identity=make.vendors("identity", {MOCK: make.mock_bankid, BANKID: make.bankid}),
        kyc=make.vendors("kyc", {MOCK: make.mock_kyc, SUMSUB: make.sumsub}),
        accounts=make.vendors(
            "open_banking",
            {
                MOCK: make.mock_accounts,
                OPEN_PAYMENTS: make.open_payments_accounts,
                ENABLE_BANKING: make.enable_banking_accounts,
                DIRECT: make.direct_accounts,
            },
        ),
        payments=make.vendors(
            "open_banking",
            {
                MOCK: make.mock_payments,
                OPEN_PAYMENTS: make.open_payments_payments,
                ENABLE_BANKING: make.enable_banking_payments,
                DIRECT: make.direct_payments,
            },
        ),
        cards=make.vendors("card_payments", {MOCK: make.mock_cards, STRIPE: make.stripe_cards}),
        email=make.vendors("email", {MOCK: make.mock_email, SENDGRID: make.sendgrid}),
        sms=make.vendors("sms", {MOCK: make.mock_sms, TWILIO: make.twilio}),
        storage=make.vendors("storage", {MOCK: make.mock_storage, S3: make.s3}),
        issuing=make.vendors("card_issuing", {MOCK: make.mock_issuing, STRIPE: make.stripe_issuing}),
        geocoding=make.vendors("geocoding", {MOCK: make.mock_geocoder, GOOGLE: make.google}),
        alerts=make.alerts(),
        errors=make.errors(),
        breakers=make.breakers,
        checks=make.checks,
        budgets=make.budgets,
        guards=make.guards,
    )


class _Maker(BankMakers):
    """One method per vendor; each is made once, where it can be spoken to."""

    def mock_bankid(self) -> IdentityProvider:
        return identity_mock.MockBankId(self.mock_client("identity", identity_mock))

    def bankid(self) -> IdentityProvider:
        settings = self._settings
        adapter = bankid.BankId(
            self._internet(),
            self.guard("identity", BANKID, bankid),
            issuer=settings.bankid_api_url.rstrip("/"),
            client_id=settings.bankid_client_id or "",
            client_secret=secret_of(settings.bankid_client_secret),
            auth_method=settings.bankid_client_auth,
            clock=self._clock,
            scope=settings.bankid_scope,
            levels=settings.bankid_acr_values,
        )
        self.checks[BANKID] = adapter.check
        return adapter

    def mock_kyc(self) -> KycProvider:
        secret = self._settings.sumsub_secret_key.get_secret_value()
        return kyc_mock.MockKyc(self.mock_client("kyc", kyc_mock), webhook_secret=secret, clock=self._clock)

    def sumsub(self) -> KycProvider:
        settings = self._settings
        adapter = sumsub.SumsubKyc(
            self._internet(),
            self.guard("kyc", SUMSUB, sumsub),
            app_token=secret_of(settings.sumsub_app_token),
            app_secret=secret_of(settings.sumsub_app_secret),
            webhook_secret=settings.sumsub_secret_key.get_secret_value(),
            level=settings.sumsub_level_name,
            clock=self._clock,
            base_url=settings.sumsub_api_url,
        )
        self.checks[SUMSUB] = adapter.check
        return adapter

    def mock_cards(self) -> CardPaymentsProvider:
        client = self.mock_client("card_payments", cards_mock)
        secret = self._settings.stripe_webhook_secret.get_secret_value()
        return cards_mock.MockCardPayments(client, webhook_secret=secret, clock=self._clock)

    @cached_property
    def _stripe_http(self) -> httpx.AsyncClient:
        return self._internet()

    def _stripe(self, port: str, declared: Declared) -> "Stripe":
        from providers.stripe_sdk import Stripe  # loading the SDK takes a fifth of a second: not in mock mode

        settings = self._settings
        return Stripe(
            self._stripe_http,
            self.guard(port, STRIPE, declared, per_second=settings.stripe_calls_per_second),
            api_key=secret_of(settings.stripe_secret_key),
            base_url=settings.stripe_api_url,
        )

    def stripe_cards(self) -> CardPaymentsProvider:
        from providers.card_payments import stripe

        settings = self._settings
        adapter = stripe.StripeCardPayments(
            self._stripe("card_payments", stripe),
            webhook_secret=settings.stripe_webhook_secret.get_secret_value(),
            prices=settings.stripe_prices,
            clock=self._clock,
        )
        self.checks[STRIPE] = adapter.check
        return adapter

    def stripe_issuing(self) -> CardIssuing:
        from providers.card_issuing import stripe

        return stripe.StripeCardIssuing(self._stripe("card_issuing", stripe), clock=self._clock)

    def mock_issuing(self) -> CardIssuing:
        return issuing_mock.MockCardIssuing(self.mock_client("card_issuing", issuing_mock))

    def mock_email(self) -> EmailProvider:
        key = public_key_of(self._settings.mock_mail_key.get_secret_value())
        client = self.mock_client("email", email_mock)
        return email_mock.MockEmail(client, self._texts, webhook_public_key=key, clock=self._clock)

    def sendgrid(self) -> EmailProvider:
        settings = self._settings
        sender = Sender(settings.email_from_address or "", settings.email_from_name)
        adapter = sendgrid.SendgridEmail(
            self._internet(),
            self.guard("email", SENDGRID, sendgrid),
            self._texts,
            api_key=secret_of(settings.sendgrid_api_key),
            webhook_public_key=settings.sendgrid_webhook_public_key or "",
            sender=sender,
            templates=settings.sendgrid_templates,
            clock=self._clock,
            base_url=settings.sendgrid_api_url,
        )
        self.checks[SENDGRID] = adapter.check
        if settings.smtp_url is None:
            return adapter
        guard = Guard("email", smtp.RESILIENCE, smtp.RETRIED, vendor=SMTP)
        backup = smtp.SmtpEmail(smtp.server_of(secret_of(settings.smtp_url)), guard, self._texts, sender=sender)
        self.checks[SMTP] = backup.check
        return WithBackup(adapter, backup)

    def mock_sms(self) -> SmsProvider:
        token = self._settings.twilio_auth_token.get_secret_value()
        return sms_mock.MockSms(self.mock_client("sms", sms_mock), self._texts, auth_token=token)

    def twilio(self) -> SmsProvider:
        settings = self._settings
        adapter = twilio.TwilioSms(
            self._internet(),
            self.guard("sms", TWILIO, twilio),
            self._texts,
            account_sid=settings.twilio_account_sid or "",
            auth_token=settings.twilio_auth_token.get_secret_value(),
            sender=settings.twilio_from or "",
            base_url=settings.twilio_api_url,
        )
        self.checks[TWILIO] = adapter.check
        return adapter

    def mock_storage(self) -> ObjectStore:
        key = self._settings.mock_storage_key.get_secret_value()
        client = self.mock_client("storage", storage_mock)
        return storage_mock.MockObjectStore(client, signing_key=key, clock=self._clock)

    def s3(self) -> ObjectStore:
        settings = self._settings
        client = s3.s3_client(
            region=settings.s3_region,
            endpoint_url=settings.s3_api_url,
            access_key=settings.aws_access_key_id,
            secret_key=secret_of(settings.aws_secret_access_key) or None,
        )
        buckets = {
            Bucket.UPLOADS: settings.s3_uploads_bucket or "",
            Bucket.EXPORTS: settings.s3_exports_bucket or "",
            Bucket.PUBLIC: settings.s3_public_bucket or "",
        }
        adapter = s3.S3ObjectStore(client, self.guard("storage", S3, s3), buckets=buckets)
        self.checks[S3] = adapter.check
        return adapter

    def mock_geocoder(self) -> Geocoder:
        return geocoding_mock.MockGeocoder(self.mock_client("geocoding", geocoding_mock))

    def google(self) -> Geocoder:
        settings = self._settings
        adapter = google.GoogleGeocoder(
            self._internet(),
            self.guard("geocoding", GOOGLE, google),
            api_key=secret_of(settings.google_maps_api_key),
            base_url=settings.google_maps_api_url,
        )
        self.checks[GOOGLE] = adapter.check
        return adapter

    def alerts(self) -> AlertChannel:
        settings = self._settings
        if settings.vendor_of("alerts") == CONSOLE:
            return ConsoleAlerts(settings.environment)
        return slack.SlackAlerts(
            self._internet(),
            self.guard("alerts", SLACK, slack),
            url=secret_of(settings.slack_webhook_url),
            environment=settings.environment,
        )

    def errors(self) -> ErrorCapture:
        settings = self._settings
        if settings.vendor_of("errors") == OFF:
            return NoCapture()
        from providers.errors.sentry import SentryCapture

        release = f"drop-gateway@{version('drop-gateway')}"
        return SentryCapture(dsn=secret_of(settings.sentry_dsn), environment=settings.environment, release=release)


def uptime_adapter(settings: Settings, internet: Internet) -> UptimeMonitoring:
    """For the commands, which need no running gateway."""
    if settings.vendor_of("uptime") == MOCK:
        return MockUptime()
    guard = Guard("uptime", betterstack.RESILIENCE, betterstack.RETRIED, vendor=BETTERSTACK)
    return betterstack.BetterStack(
        internet(),
        guard,
        token=secret_of(settings.betterstack_api_token),
        environment=settings.environment,
        base_url=settings.betterstack_api_url,
    )
