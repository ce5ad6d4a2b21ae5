"""Builds each part once and passes it on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import httpx

from db.engine import Database
from db.unit_of_work import CommitHints, Read, Reading, UnitOfWork
from domain.account_number import parse_account_number
from domain.clock import Clock
from domain.ids import UserId
from gateway.clock import OffsetClock
from gateway.settings import Settings
from providers.card_payments import mock as cards_mock
from providers.card_payments.port import CardPaymentsProvider
from providers.fanout.memory import MemoryFanout
from providers.identity import mock as identity_mock
from providers.kyc import mock as kyc_mock
from providers.kyc.port import KycProvider
from providers.open_banking import mock as bank_mock
from providers.open_banking.port import AccountInformation, PaymentInitiation
from providers.resilience import Guard, Resilience
from providers.sandbox_client import SandboxClient
from providers.vendors import Registered
from resolvers.services import Services
from routes.parts import RouteParts
from services.accounts import Accounts
from services.banks import Banks
from services.card_news import CardNews
from services.card_payments import CardPayments, Merchant
from services.customers import Customers
from services.health import HealthService
from services.jobs import handlers
from services.jobs.worker import Worker
from services.kyc import KycService
from services.login import Login
from services.payment_news import PaymentNews
from services.payment_steps import PaymentSteps
from services.payments import Payments
from services.plans import Plans
from services.reset import Reset
from services.retention import Retention
from services.sessions import Sessions
from services.streams import Streams
from services.users import Users
from services.vault import Vault
from services.webhook_sources import (
    CARDS,
    KYC,
    OPEN_BANKING,
    CardWebhooks,
    KycWebhooks,
    OpenBankingWebhooks,
    WebhookSource,
)
from services.webhooks import Webhooks

MOCK: Final = "mock"


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs."""

    services: Services
    routes: RouteParts
    worker: Worker
    fanout: MemoryFanout
    reset: Reset
    retention: Retention
    read: Read


def build_parts(
    settings: Settings, database: Database, clock: OffsetClock, machine_clock: Clock, sandbox: httpx.AsyncClient
) -> Parts:
    """Assemble mock mode over an open database and a client of the sandbox."""
    fanout, hints = MemoryFanout(), CommitHints()

    def publish(users: Sequence[UserId]) -> None:
        for user in users:
            fanout.publish(user)

    hints.on_events = publish
    work = partial(UnitOfWork, database.write, hints)
    read = partial(Reading, database.read)
    keys = [key.get_secret_value() for key in settings.field_encryption_keys]
    vault = Vault(keys, settings.field_hash_key.get_secret_value())

    identity = identity_mock.MockBankId(_client(sandbox, "identity", identity_mock))
    kyc_vendors: Registered[KycProvider] = Registered(
        MOCK,
        {
            MOCK: kyc_mock.MockKyc(
                _client(sandbox, "kyc", kyc_mock),
                webhook_secret=settings.sumsub_secret_key.get_secret_value(),
                clock=clock,
            )
        },
    )
    bank_client = _client(sandbox, "open_banking", bank_mock)
    account_vendors: Registered[AccountInformation] = Registered(
        MOCK, {MOCK: bank_mock.MockAccountInformation(bank_client)}
    )
    payment_vendors: Registered[PaymentInitiation] = Registered(
        MOCK,
        {
            MOCK: bank_mock.MockPaymentInitiation(
                bank_client, webhook_secret=settings.openbanking_webhook_secret.get_secret_value(), clock=clock
            )
        },
    )

    card_vendors: Registered[CardPaymentsProvider] = Registered(
        MOCK,
        {
            MOCK: cards_mock.MockCardPayments(
                _client(sandbox, "card_payments", cards_mock),
                webhook_secret=settings.stripe_webhook_secret.get_secret_value(),
                clock=clock,
            )
        },
    )

    origins = settings.return_origins
    sessions = Sessions(work, read, machine_clock, on_ended=fanout.publish)
    login = Login(
        work,
        identity,
        vault,
        clock=clock,
        machine_clock=machine_clock,
        return_origins=origins,
        kyc_vendor=kyc_vendors.current,
    )
    kyc = KycService(work, read, kyc_vendors, clock)
    accounts = Accounts(work, read, account_vendors, vault, clock)
    banks = Banks(work, read, account_vendors, accounts, vault, clock, origins)
    accounts.on_consent_lost = banks.lose
    steps = PaymentSteps(work, clock)
    news = PaymentNews(work, read, payment_vendors, steps, clock)
    customers = Customers(work, read, card_vendors, clock)
    card_news = CardNews(work, read, card_vendors, customers, steps, clock)
    merchant = Merchant(settings.merchant_name, parse_account_number(settings.merchant_account))
    card_payments = CardPayments(work, read, card_vendors, customers, card_news, steps, clock, merchant, origins)
    payments = Payments(work, read, payment_vendors, accounts, card_payments, news, steps, clock, origins)
    plans = Plans(work, read, card_vendors, customers, clock, origins)
    sources: dict[str, WebhookSource] = {
        KYC: KycWebhooks(read, kyc_vendors, kyc),
        OPEN_BANKING: OpenBankingWebhooks(read, payment_vendors, banks, news),
        CARDS: CardWebhooks(read, card_vendors, card_news, plans),
    }
    webhooks = Webhooks(work, read, sources, clock)
    retention = Retention(work, clock, machine_clock)
    worker = Worker(
        work,
        read,
        handlers.handlers_of(
            handlers.Services(kyc, banks, accounts, payments, news, card_news, customers, plans, webhooks, retention)
        ),
        clock,
        machine_clock,
    )
    hints.on_jobs = worker.wake

    async def is_sandbox_up() -> bool:
        try:
            return (await sandbox.get("/clock")).is_success
        except httpx.HTTPError:
            return False

    async def reset_sandbox() -> None:
        await sandbox.post("/reset")

    health = HealthService(database, worker_is_alive=lambda: worker.is_running, vendors={"sandbox": is_sandbox_up})
    reset = Reset(database, retention, all_mock=True, reset_sandbox=reset_sandbox)
    services = Services(
        users=Users(read),
        sessions=sessions,
        kyc=kyc,
        banks=banks,
        accounts=accounts,
        payments=payments,
        card_payments=card_payments,
        plans=plans,
        streams=Streams(read, fanout, sessions),
    )
    routes = RouteParts(
        login=login,
        sessions=sessions,
        kyc=kyc,
        banks=banks,
        payments=payments,
        card_payments=card_payments,
        plans=plans,
        webhooks=webhooks,
        health=health,
        reset=reset,
        public_url=settings.public_url.rstrip("/") if settings.is_https else None,
        allowed_origins=settings.allowed_origins,
        default_return_to=settings.default_return_to,
        has_sandbox=True,
    )
    return Parts(services, routes, worker, fanout, reset, retention, read)


class Declared(Protocol):
    """An adapter's module: how its vendor is called, as data."""

    RESILIENCE: Resilience
    RETRIED: frozenset[str]


def _client(sandbox: httpx.AsyncClient, provider: str, declared: Declared) -> SandboxClient:
    return SandboxClient(sandbox, Guard(provider, declared.RESILIENCE, declared.RETRIED))
