"""Which service does the work of a queued job."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import ConsentRequired, NotFound, ProviderUnavailable, ReadLimitReached
from services import banks as bank_jobs
from services import (
    card_news,
    customers,
    data_exports,
    notices,
    payment_news,
    payment_steps,
    plan_news,
    retention,
    uploads,
    vendor_moves,
    webhooks,
)
from services import cards as card_jobs
from services import kyc as kyc_jobs
from services.accounts import Accounts
from services.banks import Banks
from services.card_news import CardNews
from services.cards import Cards
from services.customers import Customers
from services.data_exports import DataExports
from services.kyc import KycService
from services.notifications import Notifications
from services.payment_news import PaymentNews
from services.payments import Payments
from services.plan_news import PlanNews
from services.retention import Retention
from services.uploads import Uploads
from services.vendor_moves import VendorMoves
from services.webhooks import Webhooks

Handler = Callable[[Mapping[str, Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Services:
    kyc: KycService
    banks: Banks
    accounts: Accounts
    payments: Payments
    news: PaymentNews
    card_news: CardNews
    customers: Customers
    plan_news: PlanNews
    notifications: Notifications
    cards: Cards
    uploads: Uploads
    exports: DataExports
    webhooks: Webhooks
    retention: Retention
    moves: VendorMoves


def handlers_of(services: Services) -> Mapping[str, Handler]:
    """By the job's kind. Payloads are the keyword arguments, so a job reads like the call that it is."""
    return {
        webhooks.PROCESS: lambda job: services.webhooks.process(**job),
        kyc_jobs.ASK_KYC_VENDOR: lambda job: services.kyc.ask_again(**job),
        kyc_jobs.CANCEL_UNAUTHORISED: lambda job: services.payments.cancel_unauthorised(**job),
        bank_jobs.ASK_CONSENT: lambda job: services.banks.ask_consent(**job),
        bank_jobs.FETCH_ACCOUNTS: lambda job: _unless_limited(services.banks.fetch_accounts(**job)),
        bank_jobs.TELL_OF_EXPIRY: lambda job: services.banks.tell_of_expiry(**job),
        bank_jobs.REVOKE_CONSENT: lambda job: services.banks.revoke(**job),
        retention.PURGE: lambda job: services.retention.purge(),
        payment_news.ASK_BANK: lambda job: services.news.ask_bank(**job),
        card_news.ASK_CARD_VENDOR: lambda job: services.card_news.ask_vendor(**job),
        card_news.SETTLE_REFUND: lambda job: services.card_news.settle_refund(**job),
        customers.CREATE_CUSTOMER: lambda job: services.customers.create(**job),
        notices.SEND_NOTIFICATION: lambda job: services.notifications.send(**job),
        customers.DELETE_CUSTOMER: lambda job: services.customers.delete(**job),
        card_jobs.ISSUE_CARD: lambda job: services.cards.issue_again(**job),
        card_jobs.FREEZE_CARDS: lambda job: services.cards.freeze_all(**job),
        uploads.EXPIRE_UPLOAD: lambda job: services.uploads.expire(**job),
        uploads.DELETE_OBJECT: lambda job: services.uploads.delete_object(**job),
        data_exports.BUILD_EXPORT: lambda job: services.exports.build(**job),
        data_exports.EXPIRE_EXPORT: lambda job: services.exports.expire(**job),
        plan_news.ASK_PLAN: lambda job: services.plan_news.ask(**job),
        vendor_moves.MOVE_CUSTOMERS: lambda job: services.moves.move_customers(**job),
        vendor_moves.MOVE_CUSTOMER: lambda job: services.moves.move_customer(**job),
        payment_steps.REFRESH_ACCOUNT: lambda job: services.accounts.read_unattended(**job),
    }


async def _unless_limited(reading: Awaitable[object]) -> None:
    """A reading that the bank does not allow now is left for the user's next visit."""
    try:
        await reading
    except (ReadLimitReached, ConsentRequired, NotFound, ProviderUnavailable):
        return
