"""Assembles the gateway: every use case over the infrastructure and the vendors' adapters, each built once."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from domain.account_number import parse_account_number
from domain.alert import Severity
from domain.operation_cost import CostLimit
from domain.retention import Lengths
from domain.service import PortName, ServiceMode
from gateway.assembly.infrastructure import Infrastructure
from gateway.assembly.keys import field_encryption
from gateway.assembly.limits import build_limits
from gateway.assembly.release import code_digest
from gateway.assembly.watched import directions, probes, sandbox_reset
from gateway.settings.settings import Settings
from gateway.settings.stage import Stage, stage_of
from providers.declaration import MOCK
from providers.open_banking.bank_profiles import gives_ids, tells_end
from providers.open_banking.certificate_watch import CERTIFICATES
from providers.registry import TOLD_WEBHOOKS
from routes.state import RouteSettings
from services.authorisations import Authorisations
from services.banks.accounts import Accounts
from services.banks.bank_list import BankList
from services.banks.consent_access import ConsentAccesses
from services.banks.consent_approvals import ConsentApprovals
from services.banks.consent_returns import ConsentReturns
from services.banks.consents import ConsentStatusSync
from services.banks.links import BankLinks
from services.banks.method_choice import ConsentMethodChoice
from services.banks.readings import Readings
from services.cards.cards import Cards
from services.container import Services
from services.documents.trusted_documents import TrustedDocuments
from services.files.data_exports import DataExports
from services.files.uploads import Uploads
from services.incidents import Incidents
from services.jobs.handlers import LONG_KINDS, MONEY_KINDS, handlers_of
from services.jobs.orphans import Orphans
from services.jobs.queue import Queue
from services.jobs.worker import Worker
from services.notifications.compose import NotificationComposer
from services.notifications.deliver import NotificationDelivery
from services.operations.audit_trail import AuditTrail
from services.operations.background import Background
from services.operations.card_reconciliation import CardReconciliation
from services.operations.certificate_ends import CertificateEnds
from services.operations.health import HealthService
from services.operations.metrics import Metrics
from services.operations.operators import Operators
from services.operations.reconciliation import Reconciliation
from services.operations.reset import Reset
from services.operations.retention import Retention
from services.operations.service_status import ServiceStatusReport
from services.operations.vendor_migration import VendorMigrations
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
from services.payments.method_choice import PaymentMethodChoice
from services.payments.overdue import OverduePayments
from services.payments.record import PaymentRecorder
from services.payments.resolutions import Resolutions
from services.payments.statement_matching import StatementMatching
from services.payments.withdrawn_lines import WithdrawnLines
from services.plans.plans import Plans
from services.plans.status import PlanStatusSync
from services.plans.unwanted import UnwantedPlans
from services.returns.bank_returns import BankReturns
from services.returns.card_returns import CardReturns
from services.selections import Selections
from services.shield import Shield
from services.subscriptions.streams import Streams
from services.subscriptions.sweep import Sweep
from services.timeline import Timeline
from services.users.account_deletion import AccountDeletion
from services.users.app_tokens import AppTokens
from services.users.contact_codes import ContactCodes
from services.users.kyc import KycService
from services.users.login import Login
from services.users.people import People
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

# Of messages, their delivery tells itself, whatever the refusal's status.
_TOLD_BY_DELIVERY: Final = frozenset({"email", "sms"})


def _tell_of_refusal(incidents: Incidents, provider: str, name: str, why: str) -> None:
    """Alert operators of a vendor that does not take our credentials, whichever use case has called it."""
    if provider not in _TOLD_BY_DELIVERY:
        message = f"It does not take our credentials, or we may not do this ({why}). gateway doctor asks it"
        incidents.alert(Severity.CRITICAL, f"Vendor refuses us: {name}", message)


def build_services(base: Infrastructure) -> Services:
    """Every use case over the infrastructure. A constructor changes nothing but its own object."""
    settings, adapters, clock = base.settings, base.adapters, base.clock
    work, read, origins, lifetimes = base.work, base.read, settings.return_origins, settings.lifetimes
    incidents = Incidents(adapters.alerts, adapters.errors, clock)
    background, limits = Background(incidents), build_limits(settings, base.shared.limits, base.sockets)
    base.shared.refusals.listen(partial(_tell_of_refusal, incidents))
    base.database.watch.tell(partial(incidents.alert, Severity.CRITICAL, "Database away"))
    timeline = Timeline(work, read, clock, keeps_pushes=True)
    encryption = field_encryption(settings)
    composer = NotificationComposer(
        clock,
        encryption,
        email_vendor=adapters.email.current,
        sms_vendor=adapters.sms.current,
        sms_an_hour=settings.limit_sms_an_hour,
        sms_a_day=settings.limit_sms_a_day,
        codes_an_hour=settings.limit_codes_an_hour,
    )

    sessions = Sessions(
        work, read, base.fanout, base.machine_clock, at_most=settings.limit_sessions, lifetimes=lifetimes
    )
    kyc = KycService(work, read, adapters.kyc, composer, clock, return_origins=origins)
    authorisations, shield = Authorisations(encryption), Shield(incidents)
    consents = ConsentStatusSync(work, read, authorisations, clock)
    readings = Readings(work, encryption, clock)
    consent_access = ConsentAccesses(read, encryption)
    accounts = Accounts(work, read, adapters.accounts, consents, consent_access, readings, clock)
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
        composer,
        clock,
        origins,
    )
    consent_methods = ConsentMethodChoice(
        work,
        read,
        adapters.accounts,
        consents,
        consent_approvals,
        consent_access,
        authorisations,
        shield,
        clock,
    )
    recorder = PaymentRecorder(work, composer, incidents, clock)
    withdrawn = WithdrawnLines(work, read, recorder, composer, incidents, clock)
    matching = StatementMatching(work, read, withdrawn, recorder, composer, incidents, clock)
    access = BankAccess(read, accounts, encryption)
    customers = Customers(work, read, adapters.cards, clock)
    relations = CardRelations(composer, incidents, clock)
    card_status = CardStatusSync(work, read, adapters.cards, customers, recorder, relations, incidents, clock)
    in_doubt = InDoubtPayments(work, read, accounts, matching, card_status, recorder, gives_ids, tells_end, clock)
    needs_two = settings.two_operators_resolve or stage_of(settings) is Stage.LIVE
    resolutions = Resolutions(work, read, in_doubt, clock, needs_two=needs_two)
    forgotten = ForgottenPayments(work, in_doubt, recorder, clock)
    overdue = OverduePayments(read, recorder, incidents, clock)
    bank_status = BankStatusSync(
        work, read, adapters.payments, access, in_doubt, forgotten, overdue, recorder, authorisations, clock
    )
    merchant = Merchant(settings.merchant_name, parse_account_number(settings.merchant_account))
    card_payments = CardPayments(
        work, read, adapters.cards, customers, card_status, recorder, shield, clock, merchant, origins
    )
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
    consent_returns = ConsentReturns(work, read, bank_links, consent_approvals, consents, clock)
    bank_returns = BankReturns(work, read, consent_returns, payments, authorisations, clock, base.machine_clock)
    cancellations = Cancellations(
        work, read, adapters.payments, card_payments, bank_status, access, recorder, authorisations, shield, clock
    )
    payment_methods = PaymentMethodChoice(
        work, read, adapters.payments, bank_status, access, recorder, authorisations, shield, clock
    )
    unwanted = UnwantedPlans(work, read, adapters.cards, composer, incidents, clock)
    plan_status = PlanStatusSync(work, read, adapters.cards, customers, unwanted, composer, incidents, clock)
    plans = Plans(work, read, adapters.cards, customers, plan_status, shield, clock, origins)
    cards = Cards(work, read, adapters.issuing, settings.features, shield, clock)
    uploads = Uploads(work, read, adapters.storage, clock, at_most_mib=settings.limit_stored_mib)
    exports = DataExports(
        work, read, adapters.storage, uploads, composer, clock, TOLD_WEBHOOKS, a_day=settings.limit_exports_a_day
    )
    codes = ContactCodes(work, composer, encryption, clock, base.machine_clock)
    notifications = NotificationDelivery(work, read, adapters.email, adapters.sms, incidents, codes, clock)
    streams = Streams(read, base.fanout, sessions, timeline)
    lease = timedelta(seconds=settings.job_lease_s)
    audit = AuditTrail(work, read, base.machine_clock, years=settings.records_kept_years)
    lengths = Lengths(settings.records_kept_years, settings.graphql_documents_kept_days)
    retention = Retention(work, read, audit, clock, base.machine_clock, lengths, lease=lease)
    certificates = adapters.checks.get(CERTIFICATES)
    certificate_ends = CertificateEnds(work, incidents, clock, certificates.ask if certificates else None)
    card_reconciliation = CardReconciliation(work, read, adapters.cards, clock)
    reconciliation = Reconciliation(
        work,
        read,
        card_reconciliation,
        in_doubt,
        incidents,
        clock,
        {port: adapters.breakers[port] for port in (PortName.CARD_PAYMENTS, PortName.OPEN_BANKING)},
    )
    series = retention.schedule, certificate_ends.schedule, reconciliation.schedule
    sources: Mapping[str, WebhookSource] = {
        **adapters.kyc.by_address(lambda vendors: KycWebhooks(read, vendors, kyc)),
        **adapters.payments.by_address(lambda vendors: OpenBankingWebhooks(read, vendors, bank_links, bank_status)),
        **adapters.cards.by_address(lambda vendors: CardWebhooks(read, vendors, card_status, plan_status)),
        **adapters.email.by_address(lambda vendors: EmailWebhooks(vendors, notifications)),
        **adapters.sms.by_address(lambda vendors: SmsWebhooks(vendors, notifications)),
    }
    people = People(
        encryption, composer, sessions, clock, adapters.kyc, proves_numbers=adapters.identity.current != MOCK
    )
    return Services(
        login=Login(
            work,
            read,
            adapters.identity[adapters.identity.current],
            people,
            encryption,
            composer,
            sessions=sessions,
            machine_clock=base.machine_clock,
            lifetimes=lifetimes,
            return_origins=origins,
            app_redirects=settings.app_redirects,
        ),
        app_tokens=AppTokens(work, composer, sessions, machine_clock=base.machine_clock, lifetimes=lifetimes),
        sessions=sessions,
        profiles=Profiles(work, read, adapters.geocoding, composer, sessions, clock, base.machine_clock),
        contact_codes=codes,
        account_deletion=AccountDeletion(
            work,
            read,
            bank_links,
            cancellations,
            plans,
            cards,
            customers,
            uploads,
            exports,
            sessions,
            composer,
            clock,
            years_kept=settings.records_kept_years,
        ),
        kyc=kyc,
        bank_list=bank_list,
        bank_links=bank_links,
        consent_approvals=consent_approvals,
        bank_returns=bank_returns,
        card_returns=CardReturns(work, read, card_payments, plans, base.machine_clock),
        accounts=accounts,
        payments=payments,
        cancellations=cancellations,
        payment_methods=payment_methods,
        consent_methods=consent_methods,
        bank_status=bank_status,
        authorisations=authorisations,
        shield=shield,
        in_doubt=in_doubt,
        resolutions=resolutions,
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
        sweep=Sweep(read, streams, base.fanout, base.machine_clock, lifetimes),
        webhooks=Webhooks(work, read, sources, incidents, limits, audit, clock),
        queue=Queue(work, read, clock),
        orphans=Orphans(work, read, clock, incidents, series),
        vendor_migrations=VendorMigrations(
            work, read, directions(base), adapters.cards, base.shared.spent, incidents, clock
        ),
        retention=retention,
        audit=audit,
        operators=Operators(work, read, base.machine_clock, _operator_token(settings)),
        certificate_ends=certificate_ends,
        card_reconciliation=card_reconciliation,
        reconciliation=reconciliation,
        reset=Reset(base.database, retention, sandbox_reset(base)),
        health=HealthService(
            base.database,
            worker_is_alive=base.heartbeats.is_any_alive,
            vendors=probes(base),
            unsound=lambda: background.unsound,
            is_audit_sealed=audit.is_sealing,
            breakers={port: found for port, found in adapters.breakers.items() if port not in settings.mocked},
        ),
        metrics=Metrics(
            read, adapters.breakers, base.heartbeats, base.database.connections_used, audit.unsealed, clock
        ),
        service_status=ServiceStatusReport(
            settings.mode,
            {port: settings.vendor_of(port) for port in PortName},
            adapters.breakers,
            settings.features,
            clock,
            mock_vendor=MOCK,
        ),
        timeline=timeline,
        background=background,
        incidents=incidents,
        limits=limits,
        selections=Selections(read, clock),
        documents=TrustedDocuments(work, read, base.fanout, incidents, base.machine_clock, settings.document_mode),
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
        money_kinds=MONEY_KINDS,
        long_kinds=LONG_KINDS,
    )


def _operator_token(settings: Settings) -> str | None:
    return settings.operator_token.get_secret_value() if settings.operator_token is not None else None


def route_settings(settings: Settings, operator_port: int | None) -> RouteSettings:
    """What the routes need of the settings. `operator_port` where operators have one of their own."""
    return RouteSettings(
        public_url=settings.public_url.rstrip("/") if settings.is_https else None,
        allowed_origins=settings.front_ends,
        default_return_to=settings.default_return_to,
        web_session_s=int(settings.lifetimes.web.longest.total_seconds()),
        sockets_per_address=settings.limit_sockets_per_address,
        subscriptions=settings.limit_subscriptions,
        messages_per_s=settings.limit_messages,
        operator_port=operator_port,
        is_open_to_operators=settings.operator_token is None,
        is_schema_open=settings.mode is ServiceMode.MOCK,
        cost_limit=CostLimit(settings.graphql_cost_limit, settings.graphql_cost),
        access_log=settings.access_log,
    )
