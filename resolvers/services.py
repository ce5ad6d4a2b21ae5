"""The services that resolvers call."""

from dataclasses import dataclass

from services.banks.accounts import Accounts
from services.banks.links import Banks
from services.cards.cards import Cards
from services.files.data_exports import DataExports
from services.files.uploads import Uploads
from services.operations.service_status import ServiceStatusReport
from services.operations.vendor_migration import VendorMigrations
from services.payments.bank_payments import Payments
from services.payments.card_payments import CardPayments
from services.plans.plans import Plans
from services.subscriptions.streams import Streams
from services.users.account_deletion import AccountDeletion
from services.users.kyc import KycService
from services.users.profiles import Profiles
from services.users.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Services:
    profiles: Profiles
    sessions: Sessions
    kyc: KycService
    banks: Banks
    accounts: Accounts
    payments: Payments
    card_payments: CardPayments
    plans: Plans
    cards: Cards
    service_status: ServiceStatusReport
    uploads: Uploads
    exports: DataExports
    account_deletion: AccountDeletion
    vendor_migrations: VendorMigrations
    streams: Streams
