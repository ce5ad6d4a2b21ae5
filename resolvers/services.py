"""The services that resolvers call."""

from dataclasses import dataclass

from services.accounts import Accounts
from services.banks import Banks
from services.card_payments import CardPayments
from services.kyc import KycService
from services.payments import Payments
from services.plans import Plans
from services.profiles import Profiles
from services.sessions import Sessions
from services.streams import Streams
from services.users import Users


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
    streams: Streams
