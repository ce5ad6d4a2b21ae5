"""The services that resolvers call."""

from dataclasses import dataclass

from services.account_deletion import AccountDeletion
from services.accounts import Accounts
from services.banks import Banks
from services.card_payments import CardPayments
from services.cards import Cards
from services.data_exports import DataExports
from services.kyc import KycService
from services.payments import Payments
from services.plans import Plans
from services.profiles import Profiles
from services.service_status import ServiceStatusReport
from services.sessions import Sessions
from services.streams import Streams
from services.uploads import Uploads
from services.users import Users
from services.vendor_moves import VendorMoves


@dataclass(frozen=True, slots=True)
class Services:
    users: Users
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
    moves: VendorMoves
    streams: Streams
