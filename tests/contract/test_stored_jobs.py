"""What is stored of jobs, which older releases have queued and newer ones work off."""

import pytest

from domain.ids import (
    AccountId,
    CardId,
    ConsentId,
    DataExportId,
    NotificationId,
    PaymentId,
    PlanSubscriptionId,
    RefundId,
    UploadId,
    UserId,
    VendorMigrationId,
)
from domain.job import Job
from services.banks.consent_approvals import FinishConsent, WatchConsent
from services.banks.consents import AskConsent, FetchAccounts, RevokeConsent, TellOfExpiry
from services.banks.readings import MatchLines
from services.cards.cards import FreezeCards, IssueCard
from services.files.data_exports import BuildExport, ExpireExport
from services.files.uploads import DeleteObject, ExpireUpload
from services.notifications.compose import SendNotification
from services.operations.certificate_ends import WatchCertificates
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

USER, PAYMENT, CONSENT = UserId("u"), PaymentId("p"), ConsentId("c")
# Never to be edited: jobs that are stored so may wait for weeks.
STORED: list[tuple[Job, str, dict[str, object]]] = [
    (ProcessWebhook("w"), "process_webhook", {"webhook_id": "w"}),
    (ProcessMoneyWebhook("w"), "process_money_webhook", {"webhook_id": "w"}),
    (AskKycVendor(USER, 2.5), "ask_kyc_vendor", {"user_id": "u", "pause_s": 2.5}),
    (CancelUnauthorised(USER), "cancel_unauthorised_payments", {"user_id": "u"}),
    (AskConsent(USER, CONSENT), "ask_consent", {"user_id": "u", "consent_id": "c"}),
    (
        WatchConsent(USER, CONSENT, "2026-11-24T12:15:00+00:00"),
        "watch_consent_approval",
        {"user_id": "u", "consent_id": "c", "until": "2026-11-24T12:15:00+00:00"},
    ),
    (
        FinishConsent(USER, CONSENT, "s", "2026-11-24T12:10:00+00:00"),
        "finish_consent_return",
        {"user_id": "u", "consent_id": "c", "query_encrypted": "s", "until": "2026-11-24T12:10:00+00:00"},
    ),
    (FetchAccounts(USER, CONSENT), "fetch_accounts", {"user_id": "u", "consent_id": "c"}),
    (TellOfExpiry(USER, CONSENT), "tell_of_consent_expiry", {"user_id": "u", "consent_id": "c"}),
    (RevokeConsent(USER, CONSENT), "revoke_consent", {"user_id": "u", "consent_id": "c"}),
    (EndUntakenReturn("h"), "end_untaken_return", {"token_hash": "h"}),
    (Purge(), "purge", {}),
    (WatchCertificates(), "watch_certificates", {}),
    (AskBank(USER, PAYMENT, 60.0), "ask_bank", {"user_id": "u", "payment_id": "p", "pause_s": 60.0}),
    (
        WatchApproval(USER, PAYMENT, "2026-11-24T12:15:00+00:00"),
        "watch_bank_approval",
        {"user_id": "u", "payment_id": "p", "until": "2026-11-24T12:15:00+00:00"},
    ),
    (
        FinishReturn(USER, PAYMENT, "s", "2026-11-24T12:10:00+00:00"),
        "finish_bank_return",
        {"user_id": "u", "payment_id": "p", "query_encrypted": "s", "until": "2026-11-24T12:10:00+00:00"},
    ),
    (AskCardVendor(USER, PAYMENT, 60.0), "ask_card_vendor", {"user_id": "u", "payment_id": "p", "pause_s": 60.0}),
    (
        SettleRefund(USER, PAYMENT, RefundId("r"), 60.0),
        "settle_refund",
        {"user_id": "u", "payment_id": "p", "refund_id": "r", "pause_s": 60.0},
    ),
    (
        EndAtCardVendor(USER, PAYMENT, 60.0),
        "end_at_card_vendor",
        {"user_id": "u", "payment_id": "p", "pause_s": 60.0},
    ),
    (CreateCustomer(USER), "create_card_customer", {"user_id": "u"}),
    (DeleteCustomer("v", "r"), "delete_card_customer", {"vendor": "v", "reference": "r"}),
    (SendNotification(NotificationId("n")), "send_notification", {"notification_id": "n"}),
    (IssueCard(USER, CardId("c")), "issue_card", {"user_id": "u", "card_id": "c"}),
    (FreezeCards(USER), "freeze_cards", {"user_id": "u"}),
    (ExpireUpload(USER, UploadId("f")), "expire_upload", {"user_id": "u", "upload_id": "f"}),
    (DeleteObject("v", "b", "k"), "delete_object", {"vendor": "v", "bucket": "b", "key": "k"}),
    (BuildExport(USER, DataExportId("e")), "build_data_export", {"user_id": "u", "export_id": "e"}),
    (ExpireExport(USER, DataExportId("e")), "expire_data_export", {"user_id": "u", "export_id": "e"}),
    (
        PayPlan(USER, PlanSubscriptionId("s"), "h"),
        "pay_plan",
        {"user_id": "u", "subscription_id": "s", "state_hash": "h"},
    ),
    (
        EndUnwantedPlan(USER, PlanSubscriptionId("s"), "sub_1", "in_1 in_2"),
        "end_unwanted_plan",
        {"user_id": "u", "subscription_id": "s", "reference": "sub_1", "charged": "in_1 in_2"},
    ),
    (
        GiveBackCharge(USER, PlanSubscriptionId("s"), "in_1", 3_600.0),
        "give_back_plan_charge",
        {"user_id": "u", "subscription_id": "s", "invoice": "in_1", "pause_s": 3_600.0},
    ),
    (
        AskPlan(USER, PlanSubscriptionId("s"), 60.0),
        "ask_plan_subscription",
        {"user_id": "u", "subscription_id": "s", "pause_s": 60.0},
    ),
    (MoveCustomers(VendorMigrationId("m"), "u"), "move_customers", {"move_id": "m", "after": "u"}),
    (MoveCustomer(VendorMigrationId("m"), USER), "move_customer", {"move_id": "m", "user_id": "u"}),
    (MatchLines(USER, AccountId("acc_1")), "match_lines", {"user_id": "u", "account_id": "acc_1"}),
    (RefreshAccount(USER, AccountId("a")), "refresh_account", {"user_id": "u", "account_id": "a"}),
]


@pytest.mark.parametrize(("job", "kind", "payload"), STORED, ids=[kind for _, kind, _ in STORED])
def test_a_job_is_stored_and_read_as_before(job: Job, kind: str, payload: dict[str, object]) -> None:
    assert (job.kind, job.payload()) == (kind, payload)
    assert type(job).of(payload) == job
