"""Builds each part once and passes it on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx

from db.engine import Database
from db.unit_of_work import CommitHints, Read, Reading, UnitOfWork
from domain.account_number import parse_account_number
from domain.clock import Clock
from domain.ids import UserId
from gateway.adapters import MOCK, mock_adapters
from gateway.clock import OffsetClock
from gateway.settings import PROVIDERS, Settings
from providers.fanout.memory import MemoryFanout
from resolvers.services import Services
from routes.parts import RouteParts
from services.account_deletion import AccountDeletion
from services.accounts import Accounts
from services.banks import Banks
from services.card_news import CardNews
from services.card_payments import CardPayments, Merchant
from services.cards import Cards
from services.customers import Customers
from services.data_exports import DataExports
from services.health import HealthService
from services.incidents import Incidents
from services.jobs import handlers
from services.jobs.worker import Worker
from services.kyc import KycService
from services.login import Login
from services.notices import Notices
from services.notifications import Notifications
from services.payment_news import PaymentNews
from services.payment_steps import PaymentSteps
from services.payments import Payments
from services.plan_news import PlanNews
from services.plans import Plans
from services.profiles import Profiles
from services.reset import Reset
from services.retention import Retention
from services.service_status import ServiceStatusReport
from services.sessions import Sessions
from services.streams import Streams
from services.timeline import Timeline
from services.uploads import Uploads
from services.users import Users
from services.vault import Vault
from services.webhook_sources import (
    CARDS,
    EMAIL,
    KYC,
    OPEN_BANKING,
    SMS,
    CardWebhooks,
    EmailWebhooks,
    KycWebhooks,
    OpenBankingWebhooks,
    SmsWebhooks,
    WebhookSource,
)
from services.webhooks import Webhooks

SMS_STATUS_PATH: Final = "/api/webhooks/twilio"


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs."""

    services: Services
    routes: RouteParts
    worker: Worker
    fanout: MemoryFanout
    reset: Reset
    retention: Retention
    notifications: Notifications
    incidents: Incidents
    timeline: Timeline
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

    adapters = mock_adapters(settings, clock, sandbox)
    origins, features = settings.return_origins, settings.features
    timeline = Timeline(work, read, clock, keeps_pushes=True)
    incidents = Incidents(adapters.alerts, adapters.errors, clock)
    notices = Notices(clock, email_vendor=adapters.email.current, sms_vendor=adapters.sms.current)
    notifications = Notifications(
        work,
        read,
        adapters.email,
        adapters.sms,
        incidents,
        clock,
        sms_status_url=f"{settings.public_url.rstrip('/')}{SMS_STATUS_PATH}",
    )
    sessions = Sessions(work, read, machine_clock, on_ended=fanout.publish)
    login = Login(
        work,
        adapters.identity,
        vault,
        notices,
        clock=clock,
        machine_clock=machine_clock,
        return_origins=origins,
        kyc_vendor=adapters.kyc.current,
    )
    kyc = KycService(work, read, adapters.kyc, notices, clock)
    accounts = Accounts(work, read, adapters.accounts, vault, clock)
    banks = Banks(work, read, adapters.accounts, accounts, vault, notices, clock, origins)
    accounts.on_consent_lost = banks.lose
    steps = PaymentSteps(work, notices, incidents, clock)
    news = PaymentNews(work, read, adapters.payments, steps, clock)
    customers = Customers(work, read, adapters.cards, clock)
    card_news = CardNews(work, read, adapters.cards, customers, steps, notices, clock)
    merchant = Merchant(settings.merchant_name, parse_account_number(settings.merchant_account))
    card_payments = CardPayments(work, read, adapters.cards, customers, card_news, steps, clock, merchant, origins)
    payments = Payments(work, read, adapters.payments, accounts, card_payments, news, steps, clock, origins)
    plan_news = PlanNews(work, read, adapters.cards, customers, notices, clock)
    plans = Plans(work, read, adapters.cards, customers, plan_news, clock, origins)
    cards = Cards(work, read, adapters.issuing, features, clock)
    uploads = Uploads(work, read, adapters.storage, clock)
    exports = DataExports(work, read, adapters.storage, uploads, notices, clock)
    account_deletion = AccountDeletion(
        work, read, banks, payments, plans, cards, customers, uploads, exports, sessions, notices, clock
    )
    sources: dict[str, WebhookSource] = {
        KYC: KycWebhooks(read, adapters.kyc, kyc),
        OPEN_BANKING: OpenBankingWebhooks(read, adapters.payments, banks, news),
        CARDS: CardWebhooks(read, adapters.cards, card_news, plan_news),
        EMAIL: EmailWebhooks(adapters.email, notifications),
        SMS: SmsWebhooks(adapters.sms, notifications),
    }
    webhooks = Webhooks(work, read, sources, incidents, clock)
    retention = Retention(work, clock, machine_clock)
    worker = Worker(
        work,
        read,
        handlers.handlers_of(
            handlers.Services(
                kyc=kyc,
                banks=banks,
                accounts=accounts,
                payments=payments,
                news=news,
                card_news=card_news,
                customers=customers,
                plan_news=plan_news,
                notifications=notifications,
                cards=cards,
                uploads=uploads,
                exports=exports,
                webhooks=webhooks,
                retention=retention,
            )
        ),
        clock,
        machine_clock,
        incidents,
        on_done=timeline.take,
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
        profiles=Profiles(work, adapters.geocoding, notices),
        sessions=sessions,
        kyc=kyc,
        banks=banks,
        accounts=accounts,
        payments=payments,
        card_payments=card_payments,
        plans=plans,
        cards=cards,
        service_status=ServiceStatusReport(
            settings.mode,
            {port: settings.vendor_of(port) for port in PROVIDERS},
            adapters.breakers,
            features,
            mock_vendor=MOCK,
        ),
        uploads=uploads,
        exports=exports,
        account_deletion=account_deletion,
        streams=Streams(read, fanout, sessions, timeline),
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
        notifications=notifications,
        timeline=timeline,
        health=health,
        incidents=incidents,
        reset=reset,
        public_url=settings.public_url.rstrip("/") if settings.is_https else None,
        allowed_origins=settings.allowed_origins,
        default_return_to=settings.default_return_to,
        has_sandbox=True,
        operator_token=settings.operator_token.get_secret_value() if settings.operator_token else None,
    )
    return Parts(services, routes, worker, fanout, reset, retention, notifications, incidents, timeline, read)
