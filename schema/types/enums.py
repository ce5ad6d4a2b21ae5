"""The domain's enums as the schema shows them: each value with a description."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import strawberry

from domain.bank_account import BalanceType, TransactionStatus
from domain.consent import ConnectionStatus
from domain.event import StreamItemKind
from domain.kyc import CheckKind, CheckResult, KycStatus
from domain.payment import CancellationStatus, FailureCode, Rail, Status
from domain.session import SessionClient

Member = TypeVar("Member", bound=Enum)


def _describe(enum: type[Member], name: str, description: str, values: Mapping[Member, str]) -> None:
    strawberry.enum(enum, name=name, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[enum(value.value)]


_describe(
    Status,
    "PaymentStatus",
    "Where a payment stands. SETTLED, REJECTED, FAILED, CANCELLED and EXPIRED are final.",
    {
        Status.CREATED: "Known to Drop, on its way to the bank.",
        Status.AUTHORISATION_REQUIRED: "The bank waits for the user's approval at `authorisationUrl`.",
        Status.SCHEDULED: "Approved, waits for its date at the bank.",
        Status.PROCESSING: "Approved; the bank is carrying it out.",
        Status.SETTLED: "The money has left the debtor's account.",
        Status.REJECTED: "The bank said no; `failure` tells why.",
        Status.FAILED: "Accepted, but not carried out; `failure` tells why.",
        Status.CANCELLED: "Cancelled before it was carried out.",
        Status.EXPIRED: "The user did not approve it in time.",
    },
)
_describe(
    Rail,
    "PaymentRail",
    "The way that a payment takes.",
    {Rail.BANK: "From a bank account, approved at the bank.", Rail.CARD: "From a payment card."},
)
_describe(
    FailureCode,
    "PaymentFailureCode",
    "Why a payment did not succeed.",
    {
        FailureCode.AUTHORISATION_REFUSED: "The user refused at the bank.",
        FailureCode.AUTHORISATION_EXPIRED: "The bank's approval page ran out of time.",
        FailureCode.INSUFFICIENT_FUNDS: "There was not enough money in the account.",
        FailureCode.EXECUTION_FAILED: "The bank accepted the payment and could not carry it out.",
        FailureCode.PROVIDER_UNAVAILABLE: "The bank could not be reached; nothing was sent.",
        FailureCode.REJECTED_BY_BANK: "The bank did not take the payment.",
    },
)
_describe(
    CancellationStatus,
    "CancellationStatus",
    "How the wish to cancel a payment stands.",
    {
        CancellationStatus.AUTHORISATION_REQUIRED: "The bank wants the user's approval at the cancellation's page.",
        CancellationStatus.CANCELLED: "The bank has cancelled the payment.",
        CancellationStatus.REFUSED: "The payment goes on.",
    },
)
_describe(
    KycStatus,
    "KycStatus",
    "Where the verification of the user's identity stands.",
    {
        KycStatus.NOT_STARTED: "Begin with `startKyc`.",
        KycStatus.PENDING: "Being checked, or waiting for another document (`retryRequired`).",
        KycStatus.APPROVED: "The user may pay.",
        KycStatus.REJECTED: "The user may not pay.",
    },
)
_describe(
    CheckKind,
    "KycCheckKind",
    "What a check looks at.",
    {
        CheckKind.DOCUMENT_AUTHENTICITY: "Whether the document is genuine and readable.",
        CheckKind.LIVENESS: "Whether a living person is in front of the camera.",
        CheckKind.FACE_MATCH: "Whether face and document belong together.",
        CheckKind.SANCTIONS: "Whether the person is on a sanctions list.",
        CheckKind.POLITICALLY_EXPOSED_PERSON: "Whether the person holds a prominent public function.",
    },
)
_describe(
    CheckResult,
    "KycCheckResult",
    "How a check ended.",
    {
        CheckResult.PENDING: "Not finished.",
        CheckResult.PASSED: "Nothing was found.",
        CheckResult.FAILED: "Something was found.",
    },
)
_describe(
    ConnectionStatus,
    "BankConnectionStatus",
    "Whether Drop may read the accounts.",
    {
        ConnectionStatus.AWAITING_AUTHORISATION: "The bank waits for the user's consent.",
        ConnectionStatus.ACTIVE: "Drop may read until `expiresAt`.",
        ConnectionStatus.REJECTED: "The user refused, or the bank could not be reached.",
        ConnectionStatus.EXPIRED: "The consent ran out; renew it with `renewConsent`.",
        ConnectionStatus.REVOKED: "The user ended it, here or at the bank.",
    },
)
_describe(
    BalanceType,
    "BalanceType",
    "What a balance counts.",
    {
        BalanceType.BOOKED: "What is booked in the account.",
        BalanceType.AVAILABLE: "What can be spent: booked, less what is on its way out.",
    },
)
_describe(
    TransactionStatus,
    "TransactionStatus",
    "Whether a transaction is final.",
    {
        TransactionStatus.BOOKED: "Booked by the bank.",
        TransactionStatus.PENDING: "Reserved, not booked yet.",
    },
)
_describe(
    SessionClient,
    "SessionClient",
    "What kind of client signed in.",
    {SessionClient.WEB: "A browser, by cookie.", SessionClient.MOBILE: "An app, by bearer token."},
)
_describe(
    StreamItemKind,
    "StreamItemKind",
    "What a subscription's item is.",
    {
        StreamItemKind.SNAPSHOT: "The current state, at the start without a cursor.",
        StreamItemKind.CHANGE: "The object as it was at this change.",
        StreamItemKind.RESUME_GAP: "The cursor is too old or of another stream: here is the current state instead.",
    },
)
