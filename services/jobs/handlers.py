"""Which service does the work of a queued job."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from domain.errors import ConsentRequired, NotFound, ProviderUnavailable, ReadLimitReached
from services.banks import consents as bank_jobs
from services.cards import cards as card_jobs
from services.container import Services
from services.files import data_exports, uploads
from services.notifications import compose
from services.operations import retention, vendor_migration
from services.payments import bank_status, card_status, customers, record
from services.plans import status as plan_status
from services.users import kyc as kyc_jobs
from services.webhooks import inbox

Handler = Callable[[Mapping[str, Any]], Awaitable[object]]


def handlers_of(services: Services) -> Mapping[str, Handler]:
    """By the job's kind. Payloads are the keyword arguments, so a job reads like the call that it is."""
    return {
        inbox.PROCESS: lambda job: services.webhooks.process(**job),
        kyc_jobs.ASK_KYC_VENDOR: lambda job: services.kyc.ask_again(**job),
        kyc_jobs.CANCEL_UNAUTHORISED: lambda job: services.payments.cancel_unauthorised(**job),
        bank_jobs.ASK_CONSENT: lambda job: services.banks.ask_consent(**job),
        bank_jobs.FETCH_ACCOUNTS: lambda job: _unless_limited(services.banks.fetch_accounts(**job)),
        bank_jobs.TELL_OF_EXPIRY: lambda job: services.banks.tell_of_expiry(**job),
        bank_jobs.REVOKE_CONSENT: lambda job: services.banks.revoke(**job),
        retention.PURGE: lambda job: services.retention.purge(),
        bank_status.ASK_BANK: lambda job: services.bank_status.ask_bank(**job),
        card_status.ASK_CARD_VENDOR: lambda job: services.card_status.ask_vendor(**job),
        card_status.SETTLE_REFUND: lambda job: services.card_status.settle_refund(**job),
        customers.CREATE_CUSTOMER: lambda job: services.customers.create(**job),
        compose.SEND_NOTIFICATION: lambda job: services.notifications.send(**job),
        customers.DELETE_CUSTOMER: lambda job: services.customers.delete(**job),
        card_jobs.ISSUE_CARD: lambda job: services.cards.issue_again(**job),
        card_jobs.FREEZE_CARDS: lambda job: services.cards.freeze_all(**job),
        uploads.EXPIRE_UPLOAD: lambda job: services.uploads.expire(**job),
        uploads.DELETE_OBJECT: lambda job: services.uploads.delete_object(**job),
        data_exports.BUILD_EXPORT: lambda job: services.exports.build(**job),
        data_exports.EXPIRE_EXPORT: lambda job: services.exports.expire(**job),
        plan_status.ASK_PLAN: lambda job: services.plan_status.ask(**job),
        vendor_migration.MOVE_CUSTOMERS: lambda job: services.vendor_migrations.move_customers(**job),
        vendor_migration.MOVE_CUSTOMER: lambda job: services.vendor_migrations.move_customer(**job),
        record.REFRESH_ACCOUNT: lambda job: services.accounts.read_unattended(**job),
    }


async def _unless_limited(reading: Awaitable[object]) -> None:
    """A reading that the bank does not allow now is left for the user's next visit."""
    try:
        await reading
    except (ReadLimitReached, ConsentRequired, NotFound, ProviderUnavailable):
        return
