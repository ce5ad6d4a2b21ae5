"""Assembles the gateway: infrastructure, the vendors' adapters, and every use case over them, each built once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import httpx

from db.engine import Database
from db.unit_of_work import CommitWakeUps, Read, Reading, UnitOfWork, Work
from domain.account_number import parse_account_number
from domain.alert import Severity
from domain.clock import Clock
from domain.ids import UserId
from domain.service import PortName
from gateway.assembly.adapters import Adapters, build_adapters
from gateway.assembly.internet import Internet
from gateway.assembly.release import code_digest
from gateway.settings.settings import Settings
from providers.calling.shared import SharedCalling
from providers.calling.shared_breakers import SharedBreakers
from providers.calling.shared_limits import SharedLimits
from providers.declaration import MOCK
from providers.fanout.memory import MemoryFanout
from providers.fanout.port import Fanout
from providers.fanout.redis import RedisFanout
from providers.open_banking.bank_profiles import gives_ids, tells_end
from providers.open_banking.certificate_watch import CERTIFICATES
from routes.state import RouteSettings
from services.authorisations import Authorisations
from services.banks.accounts import Accounts
from services.banks.bank_list import BankList
from services.banks.consent_access import ConsentAccesses
from services.banks.consent_approvals import ConsentApprovals
from services.banks.consents import ConsentStatusSync
from services.banks.links import BankLinks
from services.banks.readings import Readings
from services.cards.cards import Cards
from services.container import Services
from services.field_encryption import FieldEncryption
from services.files.data_exports import DataExports
from services.files.uploads import Uploads
from services.incidents import Incidents
from services.jobs.handlers import handlers_of
from services.jobs.heartbeat import Heartbeats
from services.jobs.orphans import Orphans
from services.jobs.queue import Queue
from services.jobs.signal import WorkerSignal
from services.jobs.worker import Worker
from services.notifications.compose import NotificationComposer
from services.notifications.deliver import NotificationDelivery
from services.operations.certificate_ends import CertificateEnds
from services.operations.health import HealthService
from services.operations.metrics import Metrics
from services.operations.reset import Reset
from services.operations.retention import Retention
from services.operations.service_status import ServiceStatusReport
from services.operations.vendor_migration import Direction, VendorMigrations
from services.payments.bank_access import BankAccess
from services.payments.bank_payments import Payments
from services.payments.bank_status import BankStatusSync
from services.payments.cancellations import Cancellations
from services.payments.card_payments import CardPayments, Merchant
from services.payments.card_relations import CardRelations
from services.payments.card_status import CardStatusSync
from services.payments.customers import Customers
from services.payments.forgotten import ForgottenPayments
from services.payments.in_doubt import InDoubtPayments
from services.payments.overdue import OverduePayments
from services.payments.record import PaymentRecorder
from services.payments.statement_matching import StatementMatching
from services.plans.plans import Plans
from services.plans.status import PlanStatusSync
from services.plans.unwanted import UnwantedPlans
from services.shield import Shield
from services.subscriptions.streams import Streams
from services.subscriptions.sweep import Sweep
from services.timeline import Timeline
from services.users.account_deletion import AccountDeletion
from services.users.app_tokens import AppTokens
from services.users.kyc import KycService
from services.users.login import Login
from services.users.profiles import Profiles
from services.users.sessions import Sessions
from services.webhooks.inbox import Webhooks
from services.webhooks.sources import (
    CardWebhooks,
    EmailWebhooks,
    KycWebhooks,
    OpenBankingWebhooks,
    SmsWebhooks,
    WebhookSource,
)

# The fan-out's channel for workers.
_JOBS: Final = "jobs"
# Of messages, their delivery tells itself, whatever the refusal's status.
_TOLD_BY_DELIVERY: Final = frozenset({"email", "sms"})


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What the use cases are built on, such as database and adapters. `sandbox` is None if every vendor is real."""

    settings: Settings
    database: Database
    clock: Clock
    machine_clock: Clock
    sandbox: httpx.AsyncClient | None
    work: Work
    read: Read
    fanout: Fanout
    signal: WorkerSignal
    heartbeats: Heartbeats
    shared: SharedCalling
    adapters: Adapters

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self.fanout.close()
        await self.shared.close()

    async def wake_for_jobs(self) -> None:
        """Wake this process's worker for jobs that other processes enqueue, until cancelled."""
        async with self.fanout.listen(_JOBS) as wake_up:
            while True:
                await wake_up.wait()
                self.signal.wake()


def open_infrastructure(
    settings: Settings,
    database: Database,
    clock: Clock,
    machine_clock: Clock,
    sandbox: httpx.AsyncClient | None,
    internet: Internet,
) -> Infrastructure:
    """Build it on an open database and the sandbox's client. `internet` opens an HTTP client per real vendor."""
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    fanout: Fanout = RedisFanout(redis) if redis else MemoryFanout()
    shared = SharedCalling(SharedBreakers(redis, fanout), SharedLimits(redis)) if redis else SharedCalling()
    signal = WorkerSignal()
    wake_ups = CommitWakeUps(partial(_publish_events, fanout), partial(_wake_workers, signal, fanout))
    work, read = partial(UnitOfWork, database.write, wake_ups), partial(Reading, database.read)
    return Infrastructure(
        settings=settings,
        database=database,
        clock=clock,
        machine_clock=machine_clock,
        sandbox=sandbox,
        work=work,
        read=read,
        fanout=fanout,
        signal=signal,
        heartbeats=Heartbeats(work, read, machine_clock, timedelta(seconds=settings.job_lease_s)),
        shared=shared,
        adapters=build_adapters(settings, clock, sandbox, internet, shared),
    )


def _publish_events(fanout: Fanout, users: Sequence[UserId]) -> None:
    for user in users:
        fanout.publish(user)


def _wake_workers(signal: WorkerSignal, fanout: Fanout) -> None:
    """Wake this process's worker if it has room, otherwise all workers."""
    if signal.has_room:
        signal.wake()
    else:
        fanout.publish(_JOBS)


def _tell_of_refusal(incidents: Incidents, provider: str, name: str, why: str) -> None:
    """Alert operators of a vendor that does not take our credentials, whichever use case has called it."""
    if provider not in _TOLD_BY_DELIVERY:
        message = f"It does not take our credentials, or we may not do this ({why}). gateway doctor asks it"
        incidents.alert(Severity.CRITICAL, f"Vendor refuses us: {name}", message)


def build_services(base: Infrastructure) -> Services:
    """Every use case over the infrastructure. A constructor changes nothing but its own object."""
    settings, adapters, clock = base.settings, base.adapters, base.clock
    work, read, origins = base.work, base.read, settings.return_origins
    incidents = Incidents(adapters.alerts, adapters.errors, clock)
    base.shared.refusals.listen(partial(_tell_of_refusal, incidents))
    timeline = Timeline(work, read, clock, keeps_pushes=True)
    keys = [key.get_secret_value() for key in settings.field_encryption_keys]
    encryption = FieldEncryption(keys, settings.field_hash_key.get_secret_value())
    composer = NotificationComposer(clock, email_vendor=adapters.email.current, sms_vendor=adapters.sms.current)

    sessions = Sessions(work, read, base.fanout, base.machine_clock)
    kyc = KycService(work, read, adapters.kyc, composer, clock, return_origins=origins)
    consents = ConsentStatusSync(work, read, clock)
    readings = Readings(work, encryption, clock)
    consent_access = ConsentAccesses(read, encryption)
    accounts = Accounts(work, read, adapters.accounts, consents, consent_access, readings, encryption, clock)
    authorisations, shield = Authorisations(encryption), Shield()
    consent_approvals = ConsentApprovals(work, read, adapters.accounts, consents, consent_access, authorisations, clock)
    bank_list = BankList(adapters.accounts)
    bank_links = BankLinks(
        work,
        read,
        adapters.accounts,
        bank_list,
        consents,
        consent_approvals,
        consent_access,
        shield,
        accounts,
        encryption,
        composer,
        clock,
        origins,
    )
    recorder = PaymentRecorder(work, composer, incidents, clock)
    matching = StatementMatching(work, read, recorder, composer, incidents, clock)
    access = BankAccess(read, accounts, encryption)
    customers = Customers(work, read, adapters.cards, clock)
    relations = CardRelations(composer, incidents, clock)
    card_status = CardStatusSync(work, read, adapters.cards, customers, recorder, relations, incidents, clock)
    in_doubt = InDoubtPayments(work, read, accounts, matching, card_status, recorder, gives_ids, tells_end, clock)
    forgotten = ForgottenPayments(work, in_doubt, recorder, clock)
    overdue = OverduePayments(read, recorder, incidents, clock)
    bank_status = BankStatusSync(
        work, read, adapters.payments, access, in_doubt, forgotten, overdue, recorder, authorisations, clock
    )
    merchant = Merchant(settings.merchant_name, parse_account_number(settings.merchant_account))
    card_payments = CardPayments(work, read, adapters.cards, customers, card_status, recorder, clock, merchant, origins)
    payments = Payments(
        work,
        read,
        adapters.payments,
        accounts,
        bank_status,
        access,
        recorder,
        authorisations,
        shield,
        clock,
        origins,
    )
    cancellations = Cancellations(
        work, read, adapters.payments, card_payments, bank_status, access, recorder, authorisations, shield, clock
    )
    unwanted = UnwantedPlans(work, read, adapters.cards, composer, incidents, clock)
    plan_status = PlanStatusSync(work, read, adapters.cards, customers, unwanted, composer, incidents, clock)
    plans = Plans(work, read, adapters.cards, customers, plan_status, clock, origins)
    cards = Cards(work, read, adapters.issuing, settings.features, clock)
    uploads = Uploads(work, read, adapters.storage, clock)
    exports = DataExports(work, read, adapters.storage, uploads, composer, clock)
    notifications = NotificationDelivery(work, read, adapters.email, adapters.sms, incidents, clock)
    streams = Streams(read, base.fanout, sessions, timeline)
    retention = Retention(work, clock, base.machine_clock)
    certificates = adapters.checks.get(CERTIFICATES)
    sources: Mapping[str, WebhookSource] = {
        **adapters.kyc.by_address(lambda vendors: KycWebhooks(read, vendors, kyc)),
        **adapters.payments.by_address(lambda vendors: OpenBankingWebhooks(read, vendors, bank_links, bank_status)),
        **adapters.cards.by_address(lambda vendors: CardWebhooks(read, vendors, card_status, plan_status)),
        **adapters.email.by_address(lambda vendors: EmailWebhooks(vendors, notifications)),
        **adapters.sms.by_address(lambda vendors: SmsWebhooks(vendors, notifications)),
    }
    return Services(
        login=Login(
            work,
            read,
            adapters.identity[adapters.identity.current],
            encryption,
            composer,
            clock=clock,
            machine_clock=base.machine_clock,
            return_origins=origins,
            kyc_vendors=adapters.kyc,
        ),
        app_tokens=AppTokens(work, composer, machine_clock=base.machine_clock),
        sessions=sessions,
        profiles=Profiles(work, read, adapters.geocoding, composer),
        account_deletion=AccountDeletion(
            work, read, bank_links, cancellations, plans, cards, customers, uploads, exports, sessions, composer, clock
        ),
        kyc=kyc,
        bank_list=bank_list,
        bank_links=bank_links,
        consent_approvals=consent_approvals,
        accounts=accounts,
        payments=payments,
        cancellations=cancellations,
        bank_status=bank_status,
        authorisations=authorisations,
        shield=shield,
        in_doubt=in_doubt,
        statement_matching=matching,
        card_payments=card_payments,
        card_status=card_status,
        customers=customers,
        plans=plans,
        plan_status=plan_status,
        unwanted_plans=unwanted,
        cards=cards,
        uploads=uploads,
        exports=exports,
        notifications=notifications,
        streams=streams,
        sweep=Sweep(read, streams, base.fanout, base.machine_clock),
        webhooks=Webhooks(work, read, sources, incidents, clock),
        queue=Queue(work, read, clock),
        orphans=Orphans(work, clock, incidents),
        vendor_migrations=VendorMigrations(
            work, read, _directions(base), adapters.cards, base.shared.spent, incidents, clock
        ),
        retention=retention,
        certificate_ends=CertificateEnds(work, incidents, clock, certificates.ask if certificates else None),
        reset=Reset(base.database, retention, _sandbox_reset(base)),
        health=HealthService(
            base.database,
            worker_is_alive=base.heartbeats.is_any_alive,
            vendors={"sandbox": partial(_is_sandbox_up, base.sandbox)} if base.sandbox is not None else {},
            breakers={port: found for port, found in adapters.breakers.items() if port not in settings.mocked},
        ),
        metrics=Metrics(read, adapters.breakers, base.heartbeats, base.database.connections_used, clock),
        service_status=ServiceStatusReport(
            settings.mode,
            {port: settings.vendor_of(port) for port in PortName},
            adapters.breakers,
            settings.features,
            clock,
            mock_vendor=MOCK,
        ),
        timeline=timeline,
        incidents=incidents,
    )


def build_worker(base: Infrastructure, services: Services) -> Worker:
    """The consumer of the queue in this process, which runs the use cases' jobs."""
    return Worker(
        base.work,
        handlers_of(services),
        base.clock,
        base.machine_clock,
        services.incidents,
        base.heartbeats,
        base.signal,
        on_done=services.timeline.record,
        lease=timedelta(seconds=base.settings.job_lease_s),
        at_once=base.settings.jobs_at_once,
        release=code_digest(),
    )


def route_settings(settings: Settings) -> RouteSettings:
    """What the routes need of the settings."""
    return RouteSettings(
        public_url=settings.public_url.rstrip("/") if settings.is_https else None,
        allowed_origins=settings.allowed_origins,
        default_return_to=settings.default_return_to,
        operator_token=settings.operator_token.get_secret_value() if settings.operator_token is not None else None,
    )


def _directions(base: Infrastructure) -> Mapping[str, Direction]:
    settings, found = base.settings, {}
    for port, budget in base.adapters.budgets.items():
        target = settings.next_of(port)
        assert target is not None
        found[port] = Direction(settings.vendor_of(port), target, settings.next_provider_share, budget)
    return found


async def _is_sandbox_up(sandbox: httpx.AsyncClient) -> bool:
    try:
        return (await sandbox.get("/clock")).is_success
    except httpx.HTTPError:
        return False


def _sandbox_reset(base: Infrastructure) -> Callable[[], Awaitable[object]] | None:
    """The sandbox's reset, None if a vendor is real: the reset would delete rows of objects that this vendor keeps."""
    if base.sandbox is None or not base.settings.is_all_mock:
        return None
    return partial(base.sandbox.post, "/reset")
