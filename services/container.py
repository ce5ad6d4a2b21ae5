"""Every use case of the product, named once: what resolvers, routes and the worker's jobs call."""

from dataclasses import dataclass

from services.authorisations import Authorisations
from services.banks.accounts import Accounts
from services.banks.bank_list import BankList
from services.banks.consent_approvals import ConsentApprovals
from services.banks.links import BankLinks
from services.banks.method_choice import ConsentMethodChoice
from services.cards.cards import Cards
from services.documents.trusted_documents import TrustedDocuments
from services.files.data_exports import DataExports
from services.files.uploads import Uploads
from services.incidents import Incidents
from services.jobs.orphans import Orphans
from services.jobs.queue import Queue
from services.limits import Limits
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
from services.payments.bank_payments import Payments
from services.payments.bank_status import BankStatusSync
from services.payments.cancellations import Cancellations
from services.payments.card_payments import CardPayments
from services.payments.card_status import CardStatusSync
from services.payments.customers import Customers
from services.payments.in_doubt import InDoubtPayments
from services.payments.method_choice import PaymentMethodChoice
from services.payments.resolutions import Resolutions
from services.payments.statement_matching import StatementMatching
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
from services.users.profiles import Profiles
from services.users.sessions import Sessions
from services.webhooks.inbox import Webhooks


@dataclass(frozen=True, slots=True)
class Services:
    """Built by gateway/assembly/bootstrap.py, one of each for the whole process. A new use case is named in both."""

    login: Login
    app_tokens: AppTokens
    sessions: Sessions
    profiles: Profiles
    contact_codes: ContactCodes
    account_deletion: AccountDeletion
    kyc: KycService
    bank_list: BankList
    bank_links: BankLinks
    consent_approvals: ConsentApprovals
    bank_returns: BankReturns
    card_returns: CardReturns
    accounts: Accounts
    payments: Payments
    cancellations: Cancellations
    payment_methods: PaymentMethodChoice
    consent_methods: ConsentMethodChoice
    bank_status: BankStatusSync
    authorisations: Authorisations
    shield: Shield
    in_doubt: InDoubtPayments
    resolutions: Resolutions
    statement_matching: StatementMatching
    card_payments: CardPayments
    card_status: CardStatusSync
    customers: Customers
    plans: Plans
    plan_status: PlanStatusSync
    unwanted_plans: UnwantedPlans
    cards: Cards
    uploads: Uploads
    exports: DataExports
    notifications: NotificationDelivery
    streams: Streams
    sweep: Sweep
    webhooks: Webhooks
    queue: Queue
    orphans: Orphans
    vendor_migrations: VendorMigrations
    retention: Retention
    audit: AuditTrail
    operators: Operators
    certificate_ends: CertificateEnds
    card_reconciliation: CardReconciliation
    reconciliation: Reconciliation
    reset: Reset
    health: HealthService
    metrics: Metrics
    service_status: ServiceStatusReport
    timeline: Timeline
    background: Background
    incidents: Incidents
    limits: Limits
    documents: TrustedDocuments
    selections: Selections
