"""Who reaches the banks: the sandbox, two aggregators, or we ourselves."""

import ssl
from functools import cached_property

from gateway.assembly.adapter_factory import Makers, secret_of
from gateway.assembly.internet import tls_with
from gateway.settings.certificates import seal_of
from gateway.settings.vendors import DIRECT, ENABLE_BANKING, OPEN_PAYMENTS
from providers.calling.guard import Guard
from providers.calling.sandbox_client import SandboxClient
from providers.open_banking import direct_banks, enable_banking, enable_banking_webhook, open_payments
from providers.open_banking import mock as bank_mock
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.enable_banking_client import Application, EnableBankingClient
from providers.open_banking.enable_banking_webhook import WebhookKeys, is_vendors
from providers.open_banking.open_payments import Credentials, OpenPaymentsClient
from providers.open_banking.port import AccountInformation, PaymentInitiation
from providers.open_banking.xs2a import Xs2aAccounts, Xs2aPayments


class BankMakers(Makers):
    """Builds the adapters of both open banking ports, which share one client and one guard per vendor."""

    @cached_property
    def _mock_banks(self) -> SandboxClient:
        return self.mock_client("open_banking", bank_mock)

    @cached_property
    def _bank_tls(self) -> ssl.SSLContext:
        settings = self._settings
        return tls_with(settings.openbanking_client_cert, settings.openbanking_client_key, settings.openbanking_ca)

    @property
    def _notification_secret(self) -> str:
        return self._settings.openbanking_webhook_secret.get_secret_value()

    def mock_accounts(self) -> AccountInformation:
        return bank_mock.MockAccountInformation(self._mock_banks)

    def mock_payments(self) -> PaymentInitiation:
        return bank_mock.MockPaymentInitiation(
            self._mock_banks, webhook_secret=self._notification_secret, clock=self._clock
        )

    @cached_property
    def _open_payments(self) -> OpenPaymentsClient:
        settings = self._settings
        credentials = Credentials(
            settings.openbanking_client_id or "",
            secret_of(settings.openbanking_client_secret),
            settings.openbanking_scope,
            settings.bank_callback_url,
        )
        return OpenPaymentsClient(
            self._internet(self._bank_tls),
            self.guard("open_banking", OPEN_PAYMENTS, open_payments),
            credentials,
            api_url=settings.openpayments_api_url,
            auth_url=settings.openpayments_auth_api_url,
        )

    def open_payments_accounts(self) -> AccountInformation:
        adapter = Xs2aAccounts(self._open_payments, clock=self._clock)
        self.checks[OPEN_PAYMENTS] = adapter.check
        return adapter

    def open_payments_payments(self) -> PaymentInitiation:
        return Xs2aPayments(self._open_payments, webhook_secret=self._notification_secret, clock=self._clock)

    @property
    def _webhook_url(self) -> str:
        return f"{self._settings.public_url.rstrip('/')}/api/webhooks/openbanking"

    @cached_property
    def _direct_banks(self) -> direct_banks.DirectBanks:
        settings = self._settings
        guards: list[Guard] = []

        def guard_of(bank_id: str) -> Guard:
            guards.append(self.guard("open_banking", DIRECT, direct_banks, label=f"{DIRECT}:{bank_id}"))
            return guards[-1]

        async def all_are_open() -> bool:
            return all([await guard.is_open() for guard in guards])

        banks = direct_banks.DirectBanks(
            self._internet(self._bank_tls),
            settings.openbanking_banks,
            guard_of,
            notifications=NotificationAddress(self._webhook_url, self._notification_secret),
            seal=seal_of(settings),
        )
        if settings.vendor_of("open_banking") == DIRECT:
            self.breakers["open_banking"] = all_are_open
        return banks

    def direct_accounts(self) -> AccountInformation:
        adapter = Xs2aAccounts(self._direct_banks, clock=self._clock)
        self.checks[DIRECT] = adapter.check
        return adapter

    def direct_payments(self) -> PaymentInitiation:
        return direct_banks.DirectPayments(
            self._direct_banks, webhook_secret=self._notification_secret, clock=self._clock
        )

    @cached_property
    def _enable_banking(self) -> EnableBankingClient:
        settings = self._settings
        application = Application(
            settings.enablebanking_app_id or "",
            secret_of(settings.enablebanking_private_key),
            settings.bank_callback_url,
            self._webhook_url,
        )
        return EnableBankingClient(
            self._internet(),
            self.guard("open_banking", ENABLE_BANKING, enable_banking),
            application,
            clock=self._clock,
            api_url=settings.enablebanking_api_url,
        )

    def enable_banking_accounts(self) -> AccountInformation:
        adapter = enable_banking.EnableBankingAccounts(self._enable_banking, clock=self._clock)
        self.checks[ENABLE_BANKING] = adapter.check
        return adapter

    def enable_banking_payments(self) -> PaymentInitiation:
        # A vendor of its own for the guard: what strangers make it read opens no breaker and stops no migration.
        guard = self.guard("open_banking", f"{ENABLE_BANKING}:webhook_keys", enable_banking_webhook)
        keys = WebhookKeys(self._internet(), guard, is_theirs=is_vendors)
        return enable_banking.EnableBankingPayments(self._enable_banking, keys, clock=self._clock)
