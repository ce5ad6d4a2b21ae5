"""Query, Mutation and Subscription: which resolver answers which field."""

from collections.abc import AsyncGenerator

import strawberry

from resolvers import (
    banks,
    card_payments,
    cards,
    files,
    kyc,
    nodes,
    payments,
    plans,
    service,
    streams,
    users,
    vendor_migrations,
)
from schema.types.bank import (
    Bank,
    ChooseConsentApprovalMethodPayload,
    ConnectBankPayload,
    DisconnectBankPayload,
    RefreshBalancesPayload,
)
from schema.types.card import CardPayload, CreateCardholderPayload
from schema.types.card_payment import (
    ConfirmCardPaymentPayload,
    CreateCardPaymentPayload,
    RefundPaymentPayload,
)
from schema.types.consent_text import ConsentText
from schema.types.cost import ACT, Cost, as_many_as, at_most
from schema.types.file import CreateUploadPayload, RequestDataExportPayload, UploadPayload
from schema.types.kyc import StartKycPayload
from schema.types.node import Node
from schema.types.payee import PayeeCheck
from schema.types.payment import CancelPaymentPayload, ChoosePaymentApprovalMethodPayload, InitiatePaymentPayload
from schema.types.plan import Plan, PlanSubscriptionPayload
from schema.types.service import FeatureState, ServiceStatus
from schema.types.stream import BankLinkUpdate, KycUpdate, PaymentUpdate, UploadUpdate, ViewerEvent
from schema.types.user import (
    ConfirmContactPayload,
    DeleteAccountPayload,
    EndAllSessionsPayload,
    EndSessionPayload,
    SetNotificationPreferencesPayload,
    UpdateProfilePayload,
    User,
)
from schema.types.vendor_migration import VendorMovePayload


@strawberry.type(description="Where reading begins: `viewer` is the person who is signed in.")
class Query:
    viewer: User | None = strawberry.field(
        resolver=users.viewer, description="The person who is signed in; null where nobody is."
    )
    node: Node | None = strawberry.field(
        resolver=nodes.node, description="Any object of the viewer's by its id; null where there is none."
    )
    nodes: list[Node | None] = strawberry.field(
        directives=[as_many_as("ids", at_most=100)],
        resolver=nodes.nodes,
        description="Several objects by their ids, in the order asked for.",
    )
    bank_consent_text: ConsentText = strawberry.field(
        resolver=banks.bank_consent_text,
        description="What the user consents to with `connectBank` and `renewConsent`: show it before them.",
    )
    banks: list[Bank] = strawberry.field(
        directives=[at_most(200), Cost(weight="10")], resolver=banks.banks, description="The banks that Drop reaches."
    )
    features: list[FeatureState] = strawberry.field(
        directives=[at_most(20)], resolver=service.features, description="What is switched on and what is not."
    )
    service_status: ServiceStatus = strawberry.field(
        resolver=service.service_status, description="What this gateway runs on, and whether it answers."
    )
    check_payee: PayeeCheck = strawberry.field(
        resolver=payments.check_payee,
        description="Whether an account number and a KID could be paid, while they are typed: `userErrors` name what "
        "is wrong, as `initiatePayment` would.",
    )
    plans: list[Plan] = strawberry.field(
        directives=[at_most(20)], resolver=plans.plans, description="What can be subscribed to."
    )


@strawberry.type(description="What a user can do, one field per intent.")
class Mutation:
    start_kyc: StartKycPayload | None = strawberry.field(
        directives=[ACT],
        resolver=kyc.start_kyc,
        description="Begin or go on with the verification: a token for the vendor's SDK. Safe to repeat.",
    )
    retry_kyc: StartKycPayload | None = strawberry.field(
        directives=[ACT], resolver=kyc.retry_kyc, description="Submit another document after `retryRequired`."
    )
    connect_bank: ConnectBankPayload | None = strawberry.field(
        directives=[ACT],
        resolver=banks.connect_bank,
        description="Ask for the user's consent at a bank; gives the bank's page.",
    )
    renew_consent: ConnectBankPayload | None = strawberry.field(
        directives=[ACT],
        resolver=banks.renew_consent,
        description="Ask for a new consent; the old one holds until the new one is given.",
    )
    disconnect_bank: DisconnectBankPayload | None = strawberry.field(
        directives=[ACT],
        resolver=banks.disconnect_bank,
        description="End the bank link's consents, here and at the bank.",
    )
    refresh_balances: RefreshBalancesPayload | None = strawberry.field(
        directives=[ACT],
        resolver=banks.refresh_balances,
        description="Read balances and new transactions at the bank now.",
    )
    initiate_payment: InitiatePaymentPayload | None = strawberry.field(
        directives=[ACT],
        resolver=payments.initiate_payment,
        description="Start a payment from a bank account; the user approves it as `payment.authorisation` says.",
    )
    cancel_payment: CancelPaymentPayload | None = strawberry.field(
        directives=[ACT],
        resolver=payments.cancel_payment,
        description="Ask the bank or card vendor to cancel; a bank may want the user's approval or say it is too late.",
    )
    choose_payment_approval_method: ChoosePaymentApprovalMethodPayload | None = strawberry.field(
        resolver=payments.choose_payment_approval_method,
        description="Choose by which of the bank's methods to approve a payment or its cancellation, where "
        "`authorisation` is a CHOICE. Safe to repeat: the bank is told once.",
    )
    choose_consent_approval_method: ChooseConsentApprovalMethodPayload | None = strawberry.field(
        resolver=banks.choose_consent_approval_method,
        description="Choose by which of the bank's methods to give a consent, where `authorisation` is a CHOICE. "
        "Safe to repeat: the bank is told once.",
    )
    create_card_payment: CreateCardPaymentPayload | None = strawberry.field(
        directives=[ACT],
        resolver=card_payments.create_card_payment,
        description="Register a payment by card; no money moves until it is confirmed.",
    )
    confirm_card_payment: ConfirmCardPaymentPayload | None = strawberry.field(
        directives=[ACT],
        resolver=card_payments.confirm_card_payment,
        description="Pay with a payment method. A declined one leaves the payment open for another.",
    )
    refund_payment: RefundPaymentPayload | None = strawberry.field(
        directives=[ACT],
        resolver=card_payments.refund_payment,
        description="Give a card payment back, in part or in full.",
    )
    create_plan_subscription: PlanSubscriptionPayload | None = strawberry.field(
        directives=[ACT],
        resolver=plans.create_plan_subscription,
        description="Subscribe to a plan and take the first payment.",
    )
    update_plan_payment_method: PlanSubscriptionPayload | None = strawberry.field(
        directives=[ACT],
        resolver=plans.update_plan_payment_method,
        description="Pay the plan by another payment method, a bill that is open at once.",
    )
    cancel_plan_subscription: PlanSubscriptionPayload | None = strawberry.field(
        directives=[ACT], resolver=plans.cancel_plan_subscription, description="End the plan with its period, or now."
    )
    resume_plan_subscription: PlanSubscriptionPayload | None = strawberry.field(
        directives=[ACT],
        resolver=plans.resume_plan_subscription,
        description="Let a plan go on that was to end with its period.",
    )
    update_profile: UpdateProfilePayload | None = strawberry.field(
        directives=[ACT],
        resolver=users.update_profile,
        description="Change e-mail, phone, language or address. A new e-mail or phone waits for its code. For "
        "these two STEP_UP_REQUIRED where BankID was last answered over 5 minutes ago.",
    )
    confirm_contact: ConfirmContactPayload | None = strawberry.field(
        directives=[ACT],
        resolver=users.confirm_contact,
        description="Give the code that was sent to a new e-mail or phone: it counts from then on, and the old one is "
        "told.",
    )
    set_notification_preferences: SetNotificationPreferencesPayload | None = strawberry.field(
        directives=[ACT], resolver=users.set_notification_preferences, description="Choose what to hear of."
    )
    create_cardholder: CreateCardholderPayload | None = strawberry.field(
        directives=[ACT],
        resolver=cards.create_cardholder,
        description="Make the user known to the card issuer. Safe to repeat.",
    )
    issue_card: CardPayload | None = strawberry.field(
        directives=[ACT],
        resolver=cards.issue_card,
        description="Issue a card that can pay at once. "
        "STEP_UP_REQUIRED where BankID was last answered over 5 minutes ago.",
    )
    freeze_card: CardPayload | None = strawberry.field(
        directives=[ACT], resolver=cards.freeze_card, description="Let a card pay nothing until it is unfrozen."
    )
    unfreeze_card: CardPayload | None = strawberry.field(
        directives=[ACT], resolver=cards.unfreeze_card, description="Let a frozen card pay again."
    )
    cancel_card: CardPayload | None = strawberry.field(
        directives=[ACT], resolver=cards.cancel_card, description="End a card for good."
    )
    create_upload: CreateUploadPayload | None = strawberry.field(
        directives=[ACT], resolver=files.create_upload, description="Ask for an address to put a file at."
    )
    complete_upload: UploadPayload | None = strawberry.field(
        directives=[ACT],
        resolver=files.complete_upload,
        description="Have what was put there verified. Safe to repeat.",
    )
    delete_upload: UploadPayload | None = strawberry.field(
        directives=[ACT], resolver=files.delete_upload, description="Forget a file for good, here and in the store."
    )
    request_data_export: RequestDataExportPayload | None = strawberry.field(
        directives=[ACT],
        resolver=files.request_data_export,
        description="Have a ZIP made of all that Drop keeps about the user. "
        "STEP_UP_REQUIRED where BankID was last answered over 5 minutes ago.",
    )
    consent_to_vendor_move: VendorMovePayload | None = strawberry.field(
        directives=[ACT],
        resolver=vendor_migrations.consent_to_vendor_move,
        description="Agree to be moved to another vendor. Safe to repeat.",
    )
    withdraw_vendor_move_consent: VendorMovePayload | None = strawberry.field(
        directives=[ACT],
        resolver=vendor_migrations.withdraw_vendor_move_consent,
        description="Take the agreement back, until the move has been done.",
    )
    delete_account: DeleteAccountPayload | None = strawberry.field(
        directives=[ACT],
        resolver=users.delete_account,
        description="End what is under way, remove what no law keeps, and say what stays. "
        "STEP_UP_REQUIRED where BankID was last answered over 5 minutes ago.",
    )
    end_session: EndSessionPayload | None = strawberry.field(
        directives=[ACT],
        resolver=users.end_session,
        description="Sign out in one place; its open WebSockets close. In another one than here, "
        "STEP_UP_REQUIRED where BankID was last answered over 5 minutes ago.",
    )
    end_all_sessions: EndAllSessionsPayload | None = strawberry.field(
        directives=[ACT],
        resolver=users.end_all_sessions,
        description="Sign out everywhere, here included. "
        "STEP_UP_REQUIRED where BankID was last answered over 5 minutes ago.",
    )


@strawberry.type(description="What is pushed as it happens, resumable by cursor.")
class Subscription:
    payment_updated: AsyncGenerator[PaymentUpdate, None] = strawberry.subscription(
        resolver=streams.payment_updated, description="One payment as it stands, then each of its changes."
    )
    kyc_updated: AsyncGenerator[KycUpdate, None] = strawberry.subscription(
        resolver=streams.kyc_updated, description="The verification as it stands, then each of its changes."
    )
    bank_link_updated: AsyncGenerator[BankLinkUpdate, None] = strawberry.subscription(
        resolver=streams.bank_link_updated, description="The bank links' changes."
    )
    upload_updated: AsyncGenerator[UploadUpdate, None] = strawberry.subscription(
        resolver=streams.upload_updated, description="One upload as it stands, then each of its changes."
    )
    viewer_events: AsyncGenerator[ViewerEvent, None] = strawberry.subscription(
        resolver=streams.viewer_events, description="Every change of the viewer's objects, in order."
    )
