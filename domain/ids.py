"""Identifiers: a prefix that names the kind and a ULID, opaque to clients. Banks and plans have a name in its place."""

import re
from hashlib import sha256
from typing import Final, NewType

UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)
KycId = NewType("KycId", str)
BankLinkId = NewType("BankLinkId", str)
ConsentId = NewType("ConsentId", str)
AccountId = NewType("AccountId", str)
TransactionId = NewType("TransactionId", str)
PaymentId = NewType("PaymentId", str)
BankId = NewType("BankId", str)
RefundId = NewType("RefundId", str)
AttemptId = NewType("AttemptId", str)
DisputeId = NewType("DisputeId", str)
PlanSubscriptionId = NewType("PlanSubscriptionId", str)
PlanInvoiceId = NewType("PlanInvoiceId", str)
NotificationId = NewType("NotificationId", str)
UploadId = NewType("UploadId", str)
DataExportId = NewType("DataExportId", str)
CardholderId = NewType("CardholderId", str)
CardId = NewType("CardId", str)
VendorMigrationId = NewType("VendorMigrationId", str)

# Clients keep identifiers, so a prefix never changes.
USER = "usr"
AUDIT_ENTRY = "aud"
SESSION = "ses"
KYC = "kyc"
BANK_LINK = "con"
CONSENT = "cns"
ACCOUNT = "acc"
TRANSACTION = "trx"
PAYMENT = "pay"
BANK = "bank"
REFUND = "ref"
ATTEMPT = "att"
DISPUTE = "dsp"
PLAN = "plan"
PLAN_SUBSCRIPTION = "psub"
PLAN_INVOICE = "pinv"
NOTIFICATION = "ntf"
UPLOAD = "upl"
DATA_EXPORT = "exp"
CARDHOLDER = "chd"
CARD = "crd"
VENDOR_MIGRATION = "mov"
LEDGER_ENTRY = "led"
DIFFERENCE = "dif"
PAYMENT_EVENT = "pev"


_NAMED: Final = frozenset({BANK, PLAN})
# A ULID in Crockford's base 32; its first digit holds three bits.
_ULID: Final = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
_NAME: Final = re.compile("[a-z0-9_]{1,40}")


def is_id(identifier: str, kind: str) -> bool:
    """Whether it can be an identifier of this kind, told without asking whether there is such an object."""
    prefix, _, rest = identifier.partition("_")
    return prefix == kind and (_NAME if kind in _NAMED else _ULID).fullmatch(rest) is not None


def end_to_end_id_of(payment_id: PaymentId) -> str:
    """Our reference of a payment, which banks carry to the payee and back: 28 characters (ISO 20022 has 35)."""
    return f"D-{payment_id.removeprefix(f'{PAYMENT}_')}"


def is_end_to_end_id(reference: str) -> bool:
    """Whether a reference has the form of ours."""
    return reference.startswith("D-") and _ULID.fullmatch(reference[2:]) is not None


def user_hash(user_id: UserId) -> str:
    """What a log calls a user: the same each time, and no id by which their data is found."""
    return sha256(user_id.encode()).hexdigest()[:16]


def kind_of(identifier: str) -> str:
    """The prefix of an identifier, empty where it has none."""
    prefix, separator, _ = identifier.partition("_")
    return prefix if separator else ""
