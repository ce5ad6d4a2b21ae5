"""The adapters of every port, as the settings choose them."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from domain.clock import Clock
from gateway.assembly.adapter_factory import AdapterFactory, Check
from gateway.assembly.internet import Internet
from gateway.settings.settings import Settings
from providers import registry
from providers.alerts.port import AlertChannel
from providers.calling.error_budget import ErrorBudget
from providers.calling.guard import Guard
from providers.calling.shared import SharedCalling
from providers.card_issuing.port import CardIssuing
from providers.card_payments.port import CardPaymentsProvider
from providers.email.port import EmailProvider
from providers.errors.port import ErrorCapture
from providers.geocoding.port import Geocoder
from providers.identity.port import IdentityProvider
from providers.kyc.port import KycProvider
from providers.open_banking.port import AccountInformation, PaymentInitiation
from providers.sms.port import SmsProvider
from providers.storage.port import ObjectStore
from providers.uptime.port import UptimeMonitoring
from providers.vendors import Registered


@dataclass(frozen=True, slots=True)
class Adapters:
    """Every port's adapters.

    `breakers` are the guards of each port's current vendor. `checks` ask a vendor whether it takes our credentials,
    by vendor. `budgets` are the error budgets of vendor migrations, by port. `guards` are by port and vendor.
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
    breakers: Mapping[str, Guard]
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
    """The adapters of every vendor that is set up.

    `internet` opens a client for one vendor outside, so that a slow one holds none of the others' connections.
    """
    factory = AdapterFactory(settings, clock, sandbox, internet, shared)
    banks = factory.adapters(registry.OPEN_BANKING)
    return Adapters(
        identity=factory.adapters(registry.IDENTITY),
        kyc=factory.adapters(registry.KYC),
        accounts=banks.mapped(lambda bank: bank.accounts),
        payments=banks.mapped(lambda bank: bank.payments),
        cards=factory.adapters(registry.CARD_PAYMENTS),
        email=factory.adapters(registry.EMAIL),
        sms=factory.adapters(registry.SMS),
        geocoding=factory.adapters(registry.GEOCODING),
        storage=factory.adapters(registry.STORAGE),
        issuing=factory.adapters(registry.CARD_ISSUING),
        alerts=factory.current(registry.ALERTS),
        errors=factory.current(registry.ERRORS),
        breakers=factory.breakers,
        checks=factory.checks,
        budgets=factory.budgets,
        guards=factory.guards,
    )


def uptime_adapter(settings: Settings, clock: Clock, internet: Internet) -> UptimeMonitoring:
    """For the commands, which need no running gateway."""
    return AdapterFactory(settings, clock, None, internet, SharedCalling()).current(registry.UPTIME)
