"""The domain's enums as the schema shows them: every value has a description."""

from domain.account_deletion import KeptRecords
from domain.authorisation import AuthorisationKind
from domain.bank_account import BalanceType, TransactionStatus
from domain.card import CardFailure, CardStatus, CardType
from domain.consent import BankLinkEnd, BankLinkStatus, Scope
from domain.contact_code import ContactKind
from domain.data_export import DataExportStatus
from domain.dispute import DisputeStatus
from domain.event import ChangeKind, StreamItemKind, ViewerEventType
from domain.kyc import CheckResult, KycStatus, RejectLabel, ToldCheckKind
from domain.payment import CancellationStatus, FailureCode, Rail, Status
from domain.plan import InvoiceStatus, PlanEnd, PlanInterval, PlanStatus
from domain.refund import PaymentRefundStatus, RefundStatus
from domain.session import SessionClient
from domain.upload import RejectReason, UploadPurpose, UploadStatus
from domain.warning import WarningCode
from schema.types.describe import describe

describe(
    Status,
    "PaymentStatus",
    "Where a payment stands. SETTLED, REJECTED, FAILED, CANCELLED and EXPIRED are final.",
    {
        Status.CREATED: "Known to Drop, on its way to the bank.",
        Status.AUTHORISATION_REQUIRED: "The bank waits for the user's approval (`authorisation`), or the card "
        "payment for `confirmCardPayment`; a declined card leaves it here with `failure`.",
        Status.SCHEDULED: "Approved, waits for its date at the bank.",
        Status.PROCESSING: "Approved; the bank is carrying it out.",
        Status.SETTLED: "The money has left the debtor's account.",
        Status.REJECTED: "The bank said no; `failure` tells why.",
        Status.FAILED: "Accepted, but not carried out; `failure` tells why.",
        Status.CANCELLED: "Cancelled before it was carried out.",
        Status.EXPIRED: "The user did not approve it in time.",
    },
)
describe(
    AuthorisationKind,
    "AuthorisationKind",
    "How the user approves at the bank or with the card's bank.",
    {
        AuthorisationKind.REDIRECT: "On a page: send the browser to `url`; it comes back to `returnTo`.",
        AuthorisationKind.DECOUPLED: "In the bank's own app: show `message` and `challenge`, stay and wait; the update "
        "comes over subscriptions, without a way back.",
        AuthorisationKind.CHOICE: "The bank offers several `methods`, of which only the user knows theirs: let them "
        "choose, with `choosePaymentApprovalMethod` or `chooseConsentApprovalMethod`. The approval follows.",
    },
)
describe(
    Rail,
    "PaymentRail",
    "The way that a payment takes.",
    {Rail.BANK: "From a bank account, approved at the bank.", Rail.CARD: "From a payment card."},
)
describe(
    FailureCode,
    "PaymentFailureCode",
    "Why a payment did not succeed.",
    {
        FailureCode.AUTHORISATION_REFUSED: "The user refused at the bank.",
        FailureCode.AUTHORISATION_EXPIRED: "The bank's approval page ran out of time.",
        FailureCode.AUTHORISATION_NOT_SUPPORTED: "The bank wants an approval that cannot be given here.",
        FailureCode.INSUFFICIENT_FUNDS: "There was not enough money in the account.",
        FailureCode.EXECUTION_FAILED: "The bank accepted the payment and could not carry it out.",
        FailureCode.PROVIDER_UNAVAILABLE: "The vendor could not be reached; nothing was paid.",
        FailureCode.REJECTED_BY_BANK: "The bank did not take the payment.",
        FailureCode.CARD_DECLINED: "The card's bank said no; another card may do.",
        FailureCode.CARD_EXPIRED: "The card has expired.",
        FailureCode.INCORRECT_CARD_DETAILS: "The number, date or security code is wrong.",
        FailureCode.AUTHENTICATION_FAILED: "The user was not approved by 3-D Secure.",
        FailureCode.PROCESSING_ERROR: "The card could not be charged just now.",
        FailureCode.OTHER: "For a reason that this version does not know.",
    },
)
describe(
    CancellationStatus,
    "CancellationStatus",
    "How the wish to cancel a payment stands.",
    {
        CancellationStatus.AUTHORISATION_REQUIRED: "The bank wants the user's approval at the cancellation's page.",
        CancellationStatus.CANCELLED: "The bank has cancelled the payment.",
        CancellationStatus.REFUSED: "The payment goes on.",
    },
)
describe(
    KycStatus,
    "KycStatus",
    "Where the verification of the user's identity stands.",
    {
        KycStatus.NOT_STARTED: "Nothing was asked for yet; begin with `startKyc`.",
        KycStatus.PENDING: "Being checked, or waiting for another document (`retryRequired`).",
        KycStatus.APPROVED: "The user may pay.",
        KycStatus.REJECTED: "The user may not pay.",
    },
)
describe(
    ToldCheckKind,
    "KycCheckKind",
    "What a check looks at.",
    {
        ToldCheckKind.DOCUMENT_AUTHENTICITY: "Whether the document is genuine and readable.",
        ToldCheckKind.LIVENESS: "Whether a living person is in front of the camera.",
        ToldCheckKind.FACE_MATCH: "Whether face and document belong together.",
    },
)
describe(
    CheckResult,
    "KycCheckResult",
    "How a check ended.",
    {
        CheckResult.PENDING: "The check is not finished yet.",
        CheckResult.PASSED: "The check found nothing against the user.",
        CheckResult.FAILED: "The check found something against the user.",
    },
)
describe(
    RejectLabel,
    "KycRejectLabel",
    "Why the vendor asks for another document or rejects.",
    {
        RejectLabel.DOCUMENT_UNREADABLE: "The document cannot be read.",
        RejectLabel.UNSATISFACTORY_PHOTOS: "The pictures are not good enough.",
        RejectLabel.BAD_FACE_MATCHING: "Face and document do not belong together.",
        RejectLabel.SELFIE_MISMATCH: "The picture of the user shows another face.",
        RejectLabel.OTHER: "A reason that Drop does not tell more of.",
    },
)
describe(
    BankLinkStatus,
    "BankLinkStatus",
    "Whether Drop may read the accounts.",
    {
        BankLinkStatus.AWAITING_AUTHORISATION: "The bank waits for the user's consent.",
        BankLinkStatus.ACTIVE: "Drop may read until `expiresAt`.",
        BankLinkStatus.REJECTED: "The user refused, or the bank could not be reached.",
        BankLinkStatus.EXPIRED: "The consent ran out; renew it with `renewConsent`.",
        BankLinkStatus.REVOKED: "The user ended it, here or at the bank.",
    },
)
describe(
    BankLinkEnd,
    "BankLinkEnd",
    "Why a bank link is no longer ACTIVE.",
    {
        BankLinkEnd.DISCONNECTED: "The user ended it in Drop.",
        BankLinkEnd.ENDED_BY_BANK: "The user ended it at the bank, or the bank did.",
        BankLinkEnd.REFUSED: "The user or the bank refused the consent.",
        BankLinkEnd.BANK_UNAVAILABLE: "The bank could not be reached; try again.",
        BankLinkEnd.EXPIRED: "Its time ran out, on the bank's page or after it.",
        BankLinkEnd.NOT_CONFIRMED: "It was approved at the bank, but nobody who is signed in as this user came back.",
        BankLinkEnd.OTHER: "A reason that this version does not know.",
    },
)
describe(
    Scope,
    "BankLinkScope",
    "What a consent lets Drop read.",
    {
        Scope.ACCOUNTS: "Which accounts there are, and whose.",
        Scope.BALANCES: "What is in them.",
        Scope.TRANSACTIONS: "What came in and went out.",
    },
)
describe(
    WarningCode,
    "WarningCode",
    "What a warning is about.",
    {
        WarningCode.BALANCE_TOO_LOW: "The account has less available than the payment.",
        WarningCode.NOT_A_BANKING_DAY: "Banks carry it out on the next day on which they are open.",
        WarningCode.ADDRESS_NOT_CHECKED: "The map was away; the address is saved as it was typed.",
        WarningCode.TEXT_REPLACED: "The bank does not take every character; `message` has the text as it is sent.",
        WarningCode.CREDITOR_ACCOUNT_FLAGGED: "The creditor's account is on a list of accounts used for fraud.",
        WarningCode.CREDITOR_TO_BE_TRUSTED: "The user has to approve the creditor at the bank first.",
        WarningCode.ANOTHER_APPROVES: "Somebody else has to approve it, too.",
        WarningCode.BANKID_NOT_ACTIVATED: "The bank does not let the user approve with BankID yet.",
        WarningCode.BANK_SAYS: "Something else; `message` has the bank's own words.",
    },
)
describe(
    BalanceType,
    "BalanceType",
    "What a balance counts.",
    {
        BalanceType.BOOKED: "What is booked in the account.",
        BalanceType.AVAILABLE: "What can be spent: booked, less what is on its way out.",
    },
)
describe(
    TransactionStatus,
    "TransactionStatus",
    "Whether a transaction is final.",
    {
        TransactionStatus.BOOKED: "Booked by the bank.",
        TransactionStatus.PENDING: "Reserved, not booked yet.",
    },
)
describe(
    ContactKind,
    "ContactKind",
    "By what a user is reached.",
    {ContactKind.EMAIL: "The address for messages.", ContactKind.PHONE: "The number for security notices."},
)
describe(
    SessionClient,
    "SessionClient",
    "What kind of client signed in.",
    {SessionClient.WEB: "A browser, by cookie.", SessionClient.MOBILE: "An app, by bearer token."},
)
describe(
    StreamItemKind,
    "StreamItemKind",
    "What a subscription's item is.",
    {
        StreamItemKind.SNAPSHOT: "The current state, at the start without a cursor.",
        StreamItemKind.CHANGE: "The object as it was at this change.",
        StreamItemKind.RESUME_GAP: "The cursor is too old or of another stream: here is the current state instead.",
    },
)
describe(
    ChangeKind,
    "ChangeKind",
    "What a change did to its object.",
    {
        ChangeKind.CREATED: "The object is new.",
        ChangeKind.UPDATED: "The object has another state than before.",
        ChangeKind.REMOVED: "The object is no longer there.",
    },
)
describe(
    ViewerEventType,
    "ViewerEventType",
    "What an event is about. More may come: pass over what you do not know.",
    {
        ViewerEventType.VIEWER: "The user: the current state.",
        ViewerEventType.PAYMENT: "One of the payments.",
        ViewerEventType.KYC: "The verification of identity.",
        ViewerEventType.BANK_LINK: "The tie to a bank.",
        ViewerEventType.BANK_ACCOUNT: "An account at a bank.",
        ViewerEventType.CARD: "A card of the user's.",
        ViewerEventType.UPLOAD: "A file of the user's.",
        ViewerEventType.DATA_EXPORT: "An export of the user's data.",
        ViewerEventType.PLAN_SUBSCRIPTION: "The subscription to a plan.",
    },
)
describe(
    RefundStatus,
    "RefundStatus",
    "Where a refund stands.",
    {
        RefundStatus.PENDING: "Asked for; the card's bank has not answered yet.",
        RefundStatus.SUCCEEDED: "Given back; it can still fail days later, when the card is closed.",
        RefundStatus.FAILED: "The card's bank did not take it; its amount can be refunded again.",
    },
)
describe(
    PaymentRefundStatus,
    "PaymentRefundStatus",
    "How much of a payment was given back, or is about to be.",
    {
        PaymentRefundStatus.NONE: "Nothing was given back, nor is about to be.",
        PaymentRefundStatus.PARTIAL: "A part of the payment was given back.",
        PaymentRefundStatus.FULL: "The whole payment was given back.",
    },
)
describe(
    DisputeStatus,
    "DisputeStatus",
    "Where a dispute stands.",
    {
        DisputeStatus.NEEDS_RESPONSE: "Drop may hand in evidence.",
        DisputeStatus.UNDER_REVIEW: "The card's bank decides.",
        DisputeStatus.WON: "The objection failed, and the payment stands.",
        DisputeStatus.LOST: "The card holder has the money back.",
    },
)
describe(
    PlanInterval,
    "PlanInterval",
    "What a plan's price is for.",
    {PlanInterval.MONTH: "The price is for a month.", PlanInterval.YEAR: "The price is for a year."},
)
describe(
    PlanStatus,
    "PlanStatus",
    "Where a plan subscription stands. ENDED is final.",
    {
        PlanStatus.CREATED: "Known to Drop, on its way to the card vendor.",
        PlanStatus.INCOMPLETE: "The first payment waits for the user at `authorisationUrl`, 23 hours at most.",
        PlanStatus.ACTIVE: "The plan is paid until `currentPeriodEnd`.",
        PlanStatus.PAST_DUE: "A renewal failed and is tried again; `failure` tells why, or the user approves it at "
        "`authorisationUrl`.",
        PlanStatus.ENDED: "Over; `endedBecause` and `failure` tell why. Open again where the vendor still bills it.",
    },
)
describe(
    PlanEnd,
    "PlanEnd",
    "Why a plan has ended.",
    {
        PlanEnd.CANCELLED: "The user cancelled it.",
        PlanEnd.PAYMENT_FAILED: "It was not paid for.",
        PlanEnd.OTHER: "A reason that this version does not know.",
    },
)
describe(
    InvoiceStatus,
    "PlanInvoiceStatus",
    "Whether an invoice is paid.",
    {
        InvoiceStatus.OPEN: "The invoice is not paid yet.",
        InvoiceStatus.PAID: "The invoice has been paid in full.",
        InvoiceStatus.UNCOLLECTIBLE: "The card vendor no longer tries to collect it; it is still owed.",
        InvoiceStatus.VOID: "The invoice was withdrawn: nothing is owed.",
        InvoiceStatus.REFUNDED: "It was charged after the plan's end here, and all of it was given back.",
    },
)
describe(
    UploadPurpose,
    "UploadPurpose",
    "What a file is for.",
    {
        UploadPurpose.AVATAR: "The user's picture: JPEG, PNG or WebP.",
        UploadPurpose.RECEIPT: "A receipt: a picture or a PDF.",
        UploadPurpose.DOCUMENT: "Any other document: JPEG, PNG or PDF.",
    },
)
describe(
    UploadStatus,
    "UploadStatus",
    "Where an upload stands.",
    {
        UploadStatus.PENDING: "Waits for the file and for `completeUpload`.",
        UploadStatus.STORED: "Verified; it can be downloaded.",
        UploadStatus.REJECTED: "What was put there is not what was declared; `rejectReason` tells how.",
        UploadStatus.EXPIRED: "Not completed in time.",
        UploadStatus.DELETED: "The file was forgotten for good.",
    },
)
describe(
    RejectReason,
    "UploadRejectReason",
    "How a stored file differs from what was declared.",
    {
        RejectReason.SIZE_DIFFERS: "The file has another size than was declared.",
        RejectReason.TYPE_DIFFERS: "The file was put with another content type.",
        RejectReason.CHECKSUM_DIFFERS: "The file has another checksum than was declared.",
        RejectReason.CONTENT_IS_ANOTHER_TYPE: "Its first bytes are those of another type.",
    },
)
describe(
    DataExportStatus,
    "DataExportStatus",
    "Where an export stands.",
    {
        DataExportStatus.REQUESTED: "The ZIP is being made.",
        DataExportStatus.READY: "Can be downloaded, for seven days.",
        DataExportStatus.EXPIRED: "Removed; ask for another.",
    },
)
describe(
    CardType,
    "CardType",
    "What kind of card.",
    {CardType.VIRTUAL: "A card that lives in the phone.", CardType.PHYSICAL: "A card of plastic that is sent by post."},
)
describe(
    CardStatus,
    "CardStatus",
    "Whether a card can pay. CANCELLED and FAILED are final.",
    {
        CardStatus.REQUESTED: "On its way to the issuer.",
        CardStatus.ACTIVE: "The card can pay at once.",
        CardStatus.FROZEN: "It pays nothing until it is unfrozen.",
        CardStatus.CANCELLED: "It will never pay again.",
        CardStatus.FAILED: "The issuer does not issue it; `failure` tells why. Ask for another card.",
    },
)
describe(
    CardFailure,
    "CardFailureCode",
    "Why the issuer issues no card. More may follow.",
    {
        CardFailure.CARDHOLDER_UNKNOWN: "The issuer does not know the cardholder any more.",
        CardFailure.NOT_ISSUED: "The issuer refused the card, for a reason of its own.",
        CardFailure.OTHER: "For a reason that this version does not know.",
    },
)
describe(
    KeptRecords,
    "KeptRecords",
    "What the law makes Drop keep of a user who has left.",
    {
        KeptRecords.PAYMENTS: "Payments, refunds and invoices, with account numbers.",
        KeptRecords.IDENTITY: "Who the user is, and how it was verified.",
        KeptRecords.AUDIT_TRAIL: "The record of what was done, and when.",
        KeptRecords.CONSENTS: "What the user allowed at which bank, and until when.",
    },
)
