"""Every use case, built once over the foundation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.account_number import parse_account_number
from gateway.assembly.foundation import Foundation
from services.banks.accounts import Accounts
from services.banks.consents import ConsentStatusSync
from services.banks.links import Banks
from services.cards.cards import Cards
from services.files.data_exports import DataExports
from services.files.uploads import Uploads
from services.notifications.deliver import NotificationDelivery
from services.operations.retention import Retention
from services.operations.vendor_migration import Direction, VendorMigrations
from services.payments.bank_payments import Payments
from services.payments.bank_status import BankStatusSync
from services.payments.card_payments import CardPayments, Merchant
from services.payments.card_status import CardStatusSync
from services.payments.customers import Customers
from services.payments.in_doubt import InDoubtPayments
from services.payments.record import PaymentRecorder
from services.plans.plans import Plans
from services.plans.status import PlanStatusSync
from services.users.account_deletion import AccountDeletion
from services.users.kyc import KycService
from services.users.login import Login
from services.users.profiles import Profiles
from services.users.sessions import Sessions

_SMS_STATUS_PATH: Final = "/api/webhooks/twilio"


@dataclass(frozen=True, slots=True)
class UseCases:
    login: Login
    sessions: Sessions
    profiles: Profiles
    kyc: KycService
    accounts: Accounts
    banks: Banks
    bank_status: BankStatusSync
    payments: Payments
    customers: Customers
    card_status: CardStatusSync
    card_payments: CardPayments
    plan_status: PlanStatusSync
    plans: Plans
    cards: Cards
    uploads: Uploads
    exports: DataExports
    notifications: NotificationDelivery
    account_deletion: AccountDeletion
    retention: Retention
    vendor_migrations: VendorMigrations
    in_doubt: InDoubtPayments


def build_use_cases(base: Foundation) -> UseCases:
    work, read, clock, adapters, notifications = base.work, base.read, base.clock, base.adapters, base.notifications
    settings, origins = base.settings, base.settings.return_origins
    sessions = Sessions(work, read, base.fanout, base.machine_clock)
    consents = ConsentStatusSync(work, read, clock)
    accounts = Accounts(work, read, adapters.accounts, consents, base.encryption, clock)
    banks = Banks(work, read, adapters.accounts, consents, accounts, base.encryption, notifications, clock, origins)
    recorder = PaymentRecorder(work, notifications, base.incidents, clock)
    in_doubt = InDoubtPayments(work, read, accounts, recorder, clock)
    bank_status = BankStatusSync(work, read, adapters.payments, in_doubt, recorder, clock)
    customers = Customers(work, read, adapters.cards, clock)
    card_status = CardStatusSync(work, read, adapters.cards, customers, recorder, notifications, clock)
    merchant = Merchant(settings.merchant_name, parse_account_number(settings.merchant_account))
    card_payments = CardPayments(work, read, adapters.cards, customers, card_status, recorder, clock, merchant, origins)
    payments = Payments(work, read, adapters.payments, accounts, card_payments, bank_status, recorder, clock, origins)
    plan_status = PlanStatusSync(work, read, adapters.cards, customers, notifications, clock)
    plans = Plans(work, read, adapters.cards, customers, plan_status, clock, origins)
    cards = Cards(work, read, adapters.issuing, settings.features, clock)
    uploads = Uploads(work, read, adapters.storage, clock)
    exports = DataExports(work, read, adapters.storage, uploads, notifications, clock)
    return UseCases(
        login=_login(base),
        sessions=sessions,
        profiles=Profiles(work, read, adapters.geocoding, notifications),
        kyc=KycService(work, read, adapters.kyc, notifications, clock),
        accounts=accounts,
        banks=banks,
        bank_status=bank_status,
        payments=payments,
        customers=customers,
        card_status=card_status,
        card_payments=card_payments,
        plan_status=plan_status,
        plans=plans,
        cards=cards,
        uploads=uploads,
        exports=exports,
        notifications=_notifications(base),
        account_deletion=AccountDeletion(
            work, read, banks, payments, plans, cards, customers, uploads, exports, sessions, notifications, clock
        ),
        in_doubt=in_doubt,
        retention=Retention(work, clock, base.machine_clock),
        vendor_migrations=VendorMigrations(work, read, _directions(base), adapters.cards, base.incidents, clock),
    )


def _directions(base: Foundation) -> Mapping[str, Direction]:
    settings, found = base.settings, {}
    for port, budget in base.adapters.budgets.items():
        target = settings.next_of(port)
        assert target is not None
        found[port] = Direction(settings.vendor_of(port), target, settings.next_provider_share, budget)
    return found


def _login(base: Foundation) -> Login:
    return Login(
        base.work,
        base.read,
        base.adapters.identity[base.adapters.identity.current],
        base.encryption,
        base.notifications,
        clock=base.clock,
        machine_clock=base.machine_clock,
        return_origins=base.settings.return_origins,
        kyc_vendors=base.adapters.kyc,
    )


def _notifications(base: Foundation) -> NotificationDelivery:
    return NotificationDelivery(
        base.work,
        base.read,
        base.adapters.email,
        base.adapters.sms,
        base.incidents,
        base.clock,
        sms_status_url=f"{base.settings.public_url.rstrip('/')}{_SMS_STATUS_PATH}",
    )
