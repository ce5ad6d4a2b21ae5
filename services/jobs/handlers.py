"""Which service does the work of a queued job."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from domain.errors import ConsentRequired
from domain.job import Job
from domain.payment import PaymentCause
from services.banks.consent_approvals import FinishConsent, WatchConsent
from services.banks.consents import AskConsent, FetchAccounts, RevokeConsent, TellOfExpiry
from services.banks.readings import MatchLines
from services.cards.cards import FreezeCards, IssueCard
from services.container import Services
from services.files.data_exports import BuildExport, ExpireExport
from services.files.uploads import DeleteObject, ExpireUpload
from services.notifications.compose import SendNotification
from services.operations.card_reconciliation import ReconcileCards
from services.operations.certificate_ends import WatchCertificates
from services.operations.reconciliation import CheckDifferences, Reconcile
from services.operations.retention import Purge
from services.operations.vendor_migration import MoveCustomer, MoveCustomers
from services.payments.bank_payments import FinishReturn
from services.payments.bank_status import AskBank, WatchApproval
from services.payments.card_status import AskCardVendor, EndAtCardVendor, SettleRefund
from services.payments.customers import CreateCustomer, DeleteCustomer
from services.payments.record import RefreshAccount
from services.plans.status import AskPlan, PayPlan
from services.plans.unwanted import EndUnwantedPlan, GiveBackCharge
from services.returns.bank_returns import EndUntakenReturn
from services.users.kyc import AskKycVendor, CancelUnauthorised
from services.webhooks.inbox import ProcessMoneyWebhook, ProcessWebhook

# What reads and sends all of a user's files may take longer than a lease.
LONG_KINDS: Final = frozenset({BuildExport.kind})
# What moves money, or makes sure that none moves, or tells whether it has moved.
MONEY_KINDS: Final = frozenset(
    job.kind
    for job in (
        ProcessMoneyWebhook,
        AskBank,
        WatchApproval,
        FinishReturn,
        MatchLines,
        AskCardVendor,
        EndAtCardVendor,
        SettleRefund,
        AskPlan,
        PayPlan,
        EndUnwantedPlan,
        GiveBackCharge,
        CancelUnauthorised,
        FreezeCards,
    )
)
# Takes a stored payload. Raises UnknownJobVersion before it has done anything.
Handler = Callable[[Mapping[str, Any]], Awaitable[object]]
Kind = TypeVar("Kind", bound=Job)


def handlers_of(services: Services) -> Mapping[str, Handler]:
    """Each kind's handler, by the stored kind. Jobs of other kinds stay queued for processes that know them."""
    return dict(
        [
            handler(ProcessWebhook, lambda job: services.webhooks.process(job.webhook_id)),
            handler(ProcessMoneyWebhook, lambda job: services.webhooks.process(job.webhook_id)),
            handler(AskKycVendor, lambda job: services.kyc.ask_again(job.user_id, job.pause_s)),
            handler(
                CancelUnauthorised,
                lambda job: services.cancellations.cancel_unauthorised(job.user_id, PaymentCause.KYC_LOST),
            ),
            handler(AskConsent, lambda job: services.bank_links.ask_consent(job.user_id, job.consent_id)),
            handler(
                FetchAccounts,
                lambda job: _unless_lost(services.bank_links.fetch_accounts(job.user_id, job.consent_id)),
            ),
            handler(WatchConsent, lambda job: services.consent_approvals.watch(job)),
            handler(FinishConsent, lambda job: services.consent_approvals.finish_return(job)),
            handler(TellOfExpiry, lambda job: services.bank_links.tell_of_expiry(job.user_id, job.consent_id)),
            handler(RevokeConsent, lambda job: services.bank_links.revoke(job.user_id, job.consent_id)),
            handler(EndUntakenReturn, services.bank_returns.end_untaken),
            handler(Purge, lambda job: services.retention.purge()),
            handler(WatchCertificates, lambda job: services.certificate_ends.look()),
            handler(Reconcile, lambda job: services.reconciliation.run(is_daily=job.is_daily)),
            handler(ReconcileCards, lambda job: services.card_reconciliation.compare(job)),
            handler(CheckDifferences, lambda job: services.reconciliation.check(is_second=job.is_second)),
            handler(AskBank, lambda job: services.bank_status.ask_again(job.user_id, job.payment_id, job.pause_s)),
            handler(WatchApproval, lambda job: services.bank_status.watch(job.user_id, job.payment_id, job.until)),
            handler(FinishReturn, lambda job: services.payments.finish_return(job)),
            handler(
                AskCardVendor, lambda job: services.card_status.ask_again(job.user_id, job.payment_id, job.pause_s)
            ),
            handler(
                SettleRefund,
                lambda job: services.card_status.settle_refund(job.user_id, job.payment_id, job.refund_id, job.pause_s),
            ),
            handler(
                EndAtCardVendor,
                lambda job: services.card_status.end_again(job.user_id, job.payment_id, job.pause_s),
            ),
            handler(CreateCustomer, lambda job: services.customers.create(job.user_id)),
            handler(DeleteCustomer, lambda job: services.customers.delete(job.vendor, job.reference)),
            handler(SendNotification, lambda job: services.notifications.send(job.notification_id)),
            handler(IssueCard, lambda job: services.cards.issue_again(job.user_id, job.card_id)),
            handler(FreezeCards, lambda job: services.cards.freeze_all(job.user_id)),
            handler(ExpireUpload, lambda job: services.uploads.expire(job.user_id, job.upload_id)),
            handler(DeleteObject, lambda job: services.uploads.delete_object(job.vendor, job.bucket, job.key)),
            handler(BuildExport, lambda job: services.exports.build(job.user_id, job.export_id)),
            handler(ExpireExport, lambda job: services.exports.expire(job.user_id, job.export_id)),
            handler(AskPlan, lambda job: services.plan_status.ask_again(job.user_id, job.subscription_id, job.pause_s)),
            handler(
                PayPlan,
                lambda job: services.plan_status.pay_again(job.user_id, job.subscription_id, job.state_hash),
            ),
            handler(
                EndUnwantedPlan,
                lambda job: services.unwanted_plans.end(job.user_id, job.subscription_id, job.reference, job.charged),
            ),
            handler(GiveBackCharge, services.unwanted_plans.give_back),
            handler(MoveCustomers, lambda job: services.vendor_migrations.move_customers(job.move_id, job.after)),
            handler(MoveCustomer, lambda job: services.vendor_migrations.move_customer(job.move_id, job.user_id)),
            handler(MatchLines, lambda job: services.statement_matching.match(job.user_id, job.account_id)),
            handler(RefreshAccount, lambda job: services.accounts.read_unattended(job.user_id, job.account_id)),
        ]
    )


def handler(kind: type[Kind], work_off: Callable[[Kind], Awaitable[object]]) -> tuple[str, Handler]:
    """The stored kind of a type of job, and the function that does a job of that type."""
    return kind.kind, lambda payload: work_off(kind.of(payload))


async def _unless_lost(reading: Awaitable[object]) -> None:
    """Give up reading by a consent that the bank no longer honours: its user has to renew it."""
    with suppress(ConsentRequired):
        await reading
