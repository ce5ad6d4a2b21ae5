"""Messages to users: what is sent, on which channel, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.contact_code import ContactKind
from domain.ids import NotificationId, UserId

# A failing vendor is tried again after these pauses; then the notification is dead, and an operator can replay it.
RETRY_AFTER: Final = (timedelta(seconds=60), timedelta(seconds=300), timedelta(seconds=900))


class Channel(StrEnum):
    """How a message reaches the user."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class Category(StrEnum):
    """What a user may switch off, except for ACCOUNT: receipts, bills, what the law demands, and what warns of a theft.

    Who has stolen a sign-in would switch the warning off first.
    """

    ACCOUNT = "ACCOUNT"
    PAYMENTS = "PAYMENTS"
    VERIFICATION = "VERIFICATION"
    BANK_LINKS = "BANK_LINKS"
    SECURITY = "SECURITY"


class Template(StrEnum):
    """Each message that Drop sends. The values are stored, and settings map them to the vendor's template ids."""

    WELCOME = "welcome"
    PASSWORD_RESET = "password_reset"  # noqa: S105  # a name
    ORDER_CONFIRMATION = "order_confirmation"
    INVOICE = "invoice"
    INVOICE_UNPAID = "invoice_unpaid"
    PLAN_ENDED = "plan_ended"
    PLAN_CHARGE_REFUNDED = "plan_charge_refunded"
    KYC_APPROVED = "kyc_approved"
    KYC_RETRY = "kyc_retry"
    KYC_REJECTED = "kyc_rejected"
    KYC_REOPENED = "kyc_reopened"
    PAYMENT_SETTLED = "payment_settled"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_RETURNED = "payment_returned"
    PAYMENT_RETURN_WITHDRAWN = "payment_return_withdrawn"
    PAYMENT_OVERDUE = "payment_overdue"
    REFUND_FAILED = "refund_failed"
    CONSENT_EXPIRING = "consent_expiring"
    DATA_EXPORT_READY = "data_export_ready"
    ACCOUNT_DELETED = "account_deleted"
    NEW_SIGN_IN = "new_sign_in"
    SIGN_IN_STOPPED = "sign_in_stopped"
    IDENTITY_LINKED = "identity_linked"
    CONTACT_CHANGED = "contact_changed"
    CONTACT_CHANGED_MAIL = "contact_changed_mail"
    CONTACT_CODE = "contact_code"
    CONTACT_CODE_SMS = "contact_code_sms"


# The message that carries the code of a new contact.
CODES: Final[Mapping[ContactKind, Template]] = {
    ContactKind.EMAIL: Template.CONTACT_CODE,
    ContactKind.PHONE: Template.CONTACT_CODE_SMS,
}
_SMS: Final = frozenset(
    {
        Template.NEW_SIGN_IN,
        Template.SIGN_IN_STOPPED,
        Template.IDENTITY_LINKED,
        Template.CONTACT_CHANGED,
        Template.CONTACT_CODE_SMS,
    }
)
_CATEGORY: Final[Mapping[Template, Category]] = {
    Template.KYC_APPROVED: Category.VERIFICATION,
    Template.KYC_RETRY: Category.VERIFICATION,
    Template.KYC_REJECTED: Category.VERIFICATION,
    Template.KYC_REOPENED: Category.VERIFICATION,
    Template.PAYMENT_SETTLED: Category.PAYMENTS,
    Template.PAYMENT_FAILED: Category.PAYMENTS,
    Template.PAYMENT_RETURNED: Category.PAYMENTS,
    Template.PAYMENT_RETURN_WITHDRAWN: Category.PAYMENTS,
    Template.PAYMENT_OVERDUE: Category.PAYMENTS,
    Template.CONSENT_EXPIRING: Category.BANK_LINKS,
    Template.NEW_SIGN_IN: Category.SECURITY,
}


def channel_of(template: Template) -> Channel:
    """SMS for what warns of a stolen mailbox, else e-mail."""
    return Channel.SMS if template in _SMS else Channel.EMAIL


def category_of(template: Template) -> Category:
    """ACCOUNT for every template that has no category of its own."""
    return _CATEGORY.get(template, Category.ACCOUNT)


@dataclass(frozen=True, slots=True)
class NotificationPreferences:
    """The categories that the user wants. `security` comes as SMS, the others by e-mail."""

    payments: bool = True
    verification: bool = True
    bank_links: bool = True
    security: bool = True

    def wants(self, category: Category) -> bool:
        """Always for ACCOUNT, which cannot be switched off."""
        return category is Category.ACCOUNT or bool(getattr(self, category.lower()))


class NotificationStatus(StrEnum):
    """How far a message has come. RETRYING waits for its next try; DEAD has no try left."""

    QUEUED = "QUEUED"
    RETRYING = "RETRYING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    DEAD = "DEAD"


_NEXT: Final[Mapping[NotificationStatus, frozenset[NotificationStatus]]] = {
    NotificationStatus.QUEUED: frozenset(NotificationStatus) - {NotificationStatus.QUEUED},
    NotificationStatus.RETRYING: frozenset(NotificationStatus) - {NotificationStatus.QUEUED},
    NotificationStatus.SENT: frozenset({NotificationStatus.DELIVERED, NotificationStatus.BOUNCED}),
    # An operator may replay it.
    NotificationStatus.DEAD: frozenset({NotificationStatus.QUEUED}),
}


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one user. `data` fills the template.

    The user's address is not part of it: it is read when the message is sent, so that a changed address counts.
    """

    id: NotificationId
    user_id: UserId
    template: Template
    locale: str
    data: Mapping[str, str]
    vendor: str
    created_at: datetime
    status: NotificationStatus = NotificationStatus.QUEUED
    attempts: int = 0
    vendor_message_id: str | None = None
    outcome: str | None = None
    version: int = 1

    @property
    def channel(self) -> Channel:
        return channel_of(self.template)

    @property
    def is_waiting(self) -> bool:
        return self.status in (NotificationStatus.QUEUED, NotificationStatus.RETRYING)

    def apply(self, status: NotificationStatus, outcome: str | None = None) -> "Notification":
        """Take a new status; the same object where the status may not follow. A late report moves nothing backwards."""
        if status not in _NEXT.get(self.status, frozenset()):
            return self
        return replace(self, status=status, outcome=outcome, version=self.version + 1)

    def failed(self, outcome: str) -> tuple["Notification", timedelta | None]:
        """The vendor did not take the message. Gives the pause before the next try too, None where it is DEAD."""
        is_last = self.attempts >= len(RETRY_AFTER)
        status = NotificationStatus.DEAD if is_last else NotificationStatus.RETRYING
        pause = None if is_last else RETRY_AFTER[self.attempts]
        after = replace(self, status=status, attempts=self.attempts + 1, outcome=outcome, version=self.version + 1)
        return after, pause

    def replayed(self) -> "Notification":
        """QUEUED again, with all its tries before it; the same object where it is not DEAD."""
        queued = self.apply(NotificationStatus.QUEUED)
        return queued if queued is self else replace(queued, attempts=0)
