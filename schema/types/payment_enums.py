"""The enums of a payment's history and refunds as the schema shows them."""

from domain.payment import PaymentCause, PaymentEventKind
from domain.refund import RefundFailureCode
from schema.types.describe import describe

describe(
    PaymentCause,
    "PaymentCause",
    "What brought a step of a payment: who asked, or how Drop came to know. More may follow.",
    {
        PaymentCause.USER: "The user asked for it here.",
        PaymentCause.USER_RETURNED: "The user came back from the bank's or card's page, and the vendor was asked.",
        PaymentCause.VENDOR_REPLY: "The bank or card vendor answered so when it was asked to act.",
        PaymentCause.NO_ANSWER: "The bank or card vendor was asked to act and did not answer.",
        PaymentCause.VENDOR_UNAVAILABLE: "The bank or card vendor could not be reached; it knows of nothing.",
        PaymentCause.WEBHOOK: "The bank or card vendor sent word of a change, and was asked.",
        PaymentCause.VENDOR_READ: "Drop asked the bank or card vendor by itself.",
        PaymentCause.STATEMENT: "A line of the account's statement shows the payment.",
        PaymentCause.VENDOR_CORRECTION: "The money moved after Drop had ended the payment.",
        PaymentCause.EXPIRY: "The time for paying ran out.",
        PaymentCause.INFERRED: "Drop concluded it: the bank knows no such payment, or the statement does not show it.",
        PaymentCause.OPERATOR: "A person at Drop who has evidence.",
        PaymentCause.KYC_LOST: "The approval of the user's identity was taken back.",
        PaymentCause.ACCOUNT_DELETION: "The user is leaving Drop.",
        PaymentCause.OTHER: "A cause that this version does not know.",
    },
)
describe(
    PaymentEventKind,
    "PaymentEventKind",
    "What changed with a step of a payment. More may follow.",
    {
        PaymentEventKind.STATUS: "The status, why it is not moving on, or the end of a doubt.",
        PaymentEventKind.IN_DOUBT: "Whether the payment is carried out is no longer known.",
        PaymentEventKind.CANCELLATION: "How the wish to cancel stands at the bank.",
        PaymentEventKind.REFUND: "How a refund of the payment stands.",
        PaymentEventKind.DISPUTE: "How the card holder's objection stands.",
        PaymentEventKind.RETURN: "The payee's bank has sent money back; `returned` tells how much.",
        PaymentEventKind.OVERDUE: "The bank has told no end of it for too long; `overdueSince` tells since when.",
        PaymentEventKind.WITHDRAWN: "The bank lists a booking no more that had shown the payment or its return.",
        PaymentEventKind.LISTED_AGAIN: "The bank lists the booking again.",
        PaymentEventKind.OTHER: "A change that this version does not know.",
    },
)
describe(
    RefundFailureCode,
    "RefundFailureCode",
    "Why a refund came to nothing. More may follow.",
    {
        RefundFailureCode.CARD_NOT_USABLE: "The card has expired, or takes no money any more.",
        RefundFailureCode.DECLINED: "The card's bank did not take the money.",
        RefundFailureCode.DISPUTED: "The card holder objected meanwhile; the card's bank decides.",
        RefundFailureCode.CANCELLED: "Drop took the refund back.",
        RefundFailureCode.NOT_ACCEPTED: "The card vendor refused to take it; nothing was begun.",
        RefundFailureCode.FAILED: "Any other reason, or one that Drop does not know.",
    },
)
