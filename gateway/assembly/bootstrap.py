"""What runs: the use cases behind GraphQL, the side-routes and the worker."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx

from db.engine import Database
from db.unit_of_work import Read
from domain.clock import Clock
from gateway.assembly.clocks import OffsetClock
from gateway.assembly.foundation import Foundation, lay_foundation
from gateway.assembly.internet import Internet
from gateway.assembly.use_cases import UseCases, build_use_cases
from gateway.settings.settings import Settings
from gateway.settings.vendors import MOCK, PROVIDERS
from providers.calling.shared_breakers import SharedBreakers
from providers.calling.shared_limits import SharedLimits
from providers.fanout.port import Fanout
from resolvers.services import Services
from routes.parts import RouteParts
from services.incidents import Incidents
from services.jobs import handlers
from services.jobs.queue import Queue
from services.jobs.worker import Worker
from services.notifications.deliver import NotificationDelivery
from services.operations.health import HealthService, Probe
from services.operations.metrics import Metrics
from services.operations.reset import Reset
from services.operations.retention import Retention
from services.operations.service_status import ServiceStatusReport
from services.operations.vendor_migration import VendorMigrations
from services.subscriptions.streams import Streams
from services.subscriptions.sweep import Sweep
from services.timeline import Timeline
from services.webhooks.inbox import Webhooks
from services.webhooks.sources import (
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

# The fan-out's channel for workers.
JOBS: Final = "jobs"


@dataclass(frozen=True, slots=True)
class Parts:
    services: Services
    routes: RouteParts
    worker: Worker
    fanout: Fanout
    sweep: Sweep
    retention: Retention
    notifications: NotificationDelivery
    incidents: Incidents
    timeline: Timeline
    vendor_migrations: VendorMigrations
    shared_breakers: SharedBreakers | None
    shared_limits: SharedLimits | None
    read: Read


def build_parts(
    settings: Settings,
    database: Database,
    clock: OffsetClock,
    machine_clock: Clock,
    sandbox: httpx.AsyncClient | None,
    internet: Internet,
) -> Parts:
    """Assemble the gateway over an open database, a client of the sandbox, and what opens one of vendors outside.

    `sandbox` is None where every vendor is real.
    """
    base = lay_foundation(settings, database, clock, machine_clock, sandbox, internet)
    use = build_use_cases(base)
    webhooks = Webhooks(base.work, base.read, _sources(base, use), base.incidents, clock)
    worker = _worker(base, use, webhooks)

    def wake_workers() -> None:
        if worker.has_room:
            worker.wake()
        else:
            base.fanout.publish(JOBS)

    base.wake_ups.on_jobs = wake_workers
    services = _services(base, use)
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    return Parts(
        services=services,
        routes=_routes(base, use, webhooks, worker, sandbox),
        worker=worker,
        fanout=base.fanout,
        sweep=Sweep(base.read, services.streams, base.fanout, base.machine_clock),
        retention=use.retention,
        notifications=use.notifications,
        incidents=base.incidents,
        timeline=base.timeline,
        vendor_migrations=use.vendor_migrations,
        shared_breakers=SharedBreakers(redis, base.fanout, base.adapters.guards) if redis else None,
        shared_limits=SharedLimits(redis, base.adapters.guards) if redis else None,
        read=base.read,
    )


def _sources(base: Foundation, use: UseCases) -> Mapping[str, WebhookSource]:
    adapters = base.adapters
    return {
        KYC: KycWebhooks(base.read, adapters.kyc, use.kyc),
        OPEN_BANKING: OpenBankingWebhooks(base.read, adapters.payments, use.banks, use.bank_status),
        CARDS: CardWebhooks(base.read, adapters.cards, use.card_status, use.plan_status),
        EMAIL: EmailWebhooks(adapters.email, use.notifications),
        SMS: SmsWebhooks(adapters.sms, use.notifications),
    }


def _worker(base: Foundation, use: UseCases, webhooks: Webhooks) -> Worker:
    services = handlers.Services(
        kyc=use.kyc,
        banks=use.banks,
        accounts=use.accounts,
        payments=use.payments,
        bank_status=use.bank_status,
        card_status=use.card_status,
        customers=use.customers,
        plan_status=use.plan_status,
        notifications=use.notifications,
        cards=use.cards,
        uploads=use.uploads,
        exports=use.exports,
        webhooks=webhooks,
        retention=use.retention,
        vendor_migrations=use.vendor_migrations,
    )
    return Worker(
        base.work,
        base.read,
        handlers.handlers_of(services),
        base.clock,
        base.machine_clock,
        base.incidents,
        on_done=base.timeline.take,
        lease=timedelta(seconds=base.settings.job_lease_s),
        at_once=base.settings.jobs_at_once,
    )


def _services(base: Foundation, use: UseCases) -> Services:
    settings = base.settings
    status = ServiceStatusReport(
        settings.mode,
        {port: settings.vendor_of(port) for port in PROVIDERS},
        base.adapters.breakers,
        settings.features,
        mock_vendor=MOCK,
    )
    return Services(
        profiles=use.profiles,
        sessions=use.sessions,
        kyc=use.kyc,
        banks=use.banks,
        accounts=use.accounts,
        payments=use.payments,
        card_payments=use.card_payments,
        plans=use.plans,
        cards=use.cards,
        service_status=status,
        uploads=use.uploads,
        exports=use.exports,
        account_deletion=use.account_deletion,
        vendor_migrations=use.vendor_migrations,
        streams=Streams(base.read, base.fanout, use.sessions, base.timeline),
    )


def _routes(
    base: Foundation, use: UseCases, webhooks: Webhooks, worker: Worker, sandbox: httpx.AsyncClient | None
) -> RouteParts:
    settings = base.settings
    return RouteParts(
        login=use.login,
        sessions=use.sessions,
        kyc=use.kyc,
        banks=use.banks,
        payments=use.payments,
        card_payments=use.card_payments,
        plans=use.plans,
        webhooks=webhooks,
        notifications=use.notifications,
        timeline=base.timeline,
        vendor_migrations=use.vendor_migrations,
        in_doubt=use.in_doubt,
        queue=Queue(base.work, base.read, base.clock),
        metrics=Metrics(base.read, base.adapters.breakers, base.clock),
        health=HealthService(base.database, worker_is_alive=worker.is_any_alive, vendors=_probes(base, sandbox)),
        incidents=base.incidents,
        reset=Reset(base.database, use.retention, _resetting(sandbox) if settings.is_all_mock else None),
        public_url=settings.public_url.rstrip("/") if settings.is_https else None,
        allowed_origins=settings.allowed_origins,
        default_return_to=settings.default_return_to,
        operator_token=settings.operator_token.get_secret_value() if settings.operator_token is not None else None,
    )


def _probes(base: Foundation, sandbox: httpx.AsyncClient | None) -> Mapping[str, Probe]:
    """Real vendors by what their breakers have seen, since asking them would cost a call each time."""

    async def is_sandbox_up() -> bool:
        assert sandbox is not None
        try:
            return (await sandbox.get("/clock")).is_success
        except httpx.HTTPError:
            return False

    def answers(is_open: Callable[[], Awaitable[bool]]) -> Probe:
        async def probe() -> bool:
            return not await is_open()

        return probe

    settings = base.settings
    real = {port: is_open for port, is_open in base.adapters.breakers.items() if port not in settings.mocked}
    found = {port: answers(is_open) for port, is_open in real.items()}
    return {**found, "sandbox": is_sandbox_up} if sandbox is not None else found


def _resetting(sandbox: httpx.AsyncClient | None) -> Callable[[], Awaitable[None]]:
    async def reset() -> None:
        assert sandbox is not None
        await sandbox.post("/reset")

    return reset
