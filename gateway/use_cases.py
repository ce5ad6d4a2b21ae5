"""Every use case, built once over the foundation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.account_number import parse_account_number
from gateway.foundation import Foundation
from services.account_deletion import AccountDeletion
from services.accounts import Accounts
from services.banks import Banks
from services.card_news import CardNews
from services.card_payments import CardPayments, Merchant
from services.cards import Cards
from services.customers import Customers
from services.data_exports import DataExports
from services.doubts import Doubts
from services.kyc import KycService
from services.login import Login
from services.notifications import Notifications
from services.payment_news import PaymentNews
from services.payment_steps import PaymentSteps
from services.payments import Payments
from services.plan_news import PlanNews
from services.plans import Plans
from services.profiles import Profiles
from services.retention import Retention
from services.sessions import Sessions
from services.uploads import Uploads
from services.vendor_moves import Direction, VendorMoves

_SMS_STATUS_PATH: Final = "/api/webhooks/twilio"


@dataclass(frozen=True, slots=True)
class UseCases:
    login: Login
    sessions: Sessions
    profiles: Profiles
    kyc: KycService
    accounts: Accounts
    banks: Banks
    news: PaymentNews
    payments: Payments
    customers: Customers
    card_news: CardNews
    card_payments: CardPayments
    plan_news: PlanNews
    plans: Plans
    cards: Cards
    uploads: Uploads
    exports: DataExports
    notifications: Notifications
    account_deletion: AccountDeletion
    retention: Retention
    moves: VendorMoves
    doubts: Doubts


def build_use_cases(base: Foundation) -> UseCases:
    work, read, clock, adapters, notices = base.work, base.read, base.clock, base.adapters, base.notices
    settings, origins = base.settings, base.settings.return_origins
    sessions = Sessions(work, read, base.machine_clock, on_ended=base.fanout.publish)
    accounts = Accounts(work, read, adapters.accounts, base.vault, clock)
    banks = Banks(work, read, adapters.accounts, accounts, base.vault, notices, clock, origins)
    accounts.on_consent_lost = banks.lose
    steps = PaymentSteps(work, notices, base.incidents, clock)
    doubts = Doubts(work, read, accounts, steps, clock)
    news = PaymentNews(work, read, adapters.payments, doubts, steps, clock)
    customers = Customers(work, read, adapters.cards, clock)
    card_news = CardNews(work, read, adapters.cards, customers, steps, notices, clock)
    merchant = Merchant(settings.merchant_name, parse_account_number(settings.merchant_account))
    card_payments = CardPayments(work, read, adapters.cards, customers, card_news, steps, clock, merchant, origins)
    payments = Payments(work, read, adapters.payments, accounts, card_payments, news, steps, clock, origins)
    plan_news = PlanNews(work, read, adapters.cards, customers, notices, clock)
    plans = Plans(work, read, adapters.cards, customers, plan_news, clock, origins)
    cards = Cards(work, read, adapters.issuing, settings.features, clock)
    uploads = Uploads(work, read, adapters.storage, clock)
    exports = DataExports(work, read, adapters.storage, uploads, notices, clock)
    return UseCases(
        login=_login(base),
        sessions=sessions,
        profiles=Profiles(work, adapters.geocoding, notices),
        kyc=KycService(work, read, adapters.kyc, notices, clock),
        accounts=accounts,
        banks=banks,
        news=news,
        payments=payments,
        customers=customers,
        card_news=card_news,
        card_payments=card_payments,
        plan_news=plan_news,
        plans=plans,
        cards=cards,
        uploads=uploads,
        exports=exports,
        notifications=_notifications(base),
        account_deletion=AccountDeletion(
            work, read, banks, payments, plans, cards, customers, uploads, exports, sessions, notices, clock
        ),
        doubts=doubts,
        retention=Retention(work, clock, base.machine_clock),
        moves=VendorMoves(work, read, _directions(base), adapters.cards, base.incidents, clock),
    )


def _directions(base: Foundation) -> Mapping[str, Direction]:
    settings, found = base.settings, {}
    for port, budget in base.adapters.budgets.items():
        following = settings.next_of(port)
        assert following is not None
        found[port] = Direction(settings.vendor_of(port), following, settings.next_provider_share, budget)
    return found


def _login(base: Foundation) -> Login:
    return Login(
        base.work,
        base.read,
        base.adapters.identity[base.adapters.identity.current],
        base.vault,
        base.notices,
        clock=base.clock,
        machine_clock=base.machine_clock,
        return_origins=base.settings.return_origins,
        kyc_vendors=base.adapters.kyc,
    )


def _notifications(base: Foundation) -> Notifications:
    return Notifications(
        base.work,
        base.read,
        base.adapters.email,
        base.adapters.sms,
        base.incidents,
        base.clock,
        sms_status_url=f"{base.settings.public_url.rstrip('/')}{_SMS_STATUS_PATH}",
    )
