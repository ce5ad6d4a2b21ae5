"""What a client is told as a user comes back from a bank's or card's page: a hint, since the status is the answer."""

from enum import StrEnum

from domain.consent import ConsentStatus
from domain.payment import CancellationStatus, FailureCode, Payment, Status
from domain.plan import PlanStatus, PlanSubscription


class WayBack(StrEnum):
    """How the user's visit ended, as the query parameter `outcome` says it; `unknown` until the vendor has told."""

    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


_PAYMENT = {
    Status.SCHEDULED: WayBack.APPROVED,
    Status.PROCESSING: WayBack.APPROVED,
    Status.SETTLED: WayBack.APPROVED,
    Status.REJECTED: WayBack.REFUSED,
    Status.FAILED: WayBack.REFUSED,
    Status.CANCELLED: WayBack.REFUSED,
    Status.EXPIRED: WayBack.EXPIRED,
}
_CANCELLATION = {
    CancellationStatus.CANCELLED: WayBack.APPROVED,
    CancellationStatus.REFUSED: WayBack.REFUSED,
    CancellationStatus.AUTHORISATION_REQUIRED: WayBack.UNKNOWN,
}
_CONSENT = {
    ConsentStatus.ACTIVE: WayBack.APPROVED,
    ConsentStatus.REPLACED: WayBack.APPROVED,
    ConsentStatus.REJECTED: WayBack.REFUSED,
    ConsentStatus.REVOKED: WayBack.REFUSED,
    ConsentStatus.EXPIRED: WayBack.EXPIRED,
}
_PLAN = {
    PlanStatus.ACTIVE: WayBack.APPROVED,
    PlanStatus.ENDED: WayBack.REFUSED,
}


def of_payment(payment: Payment) -> WayBack:
    """Of the cancellation where the bank was asked for one, since that was the last page that the user saw."""
    if payment.cancellation_status is not None:
        is_cancelled = payment.status is Status.CANCELLED
        return WayBack.APPROVED if is_cancelled else _CANCELLATION[payment.cancellation_status]
    if payment.failure is not None and payment.failure.code is FailureCode.AUTHORISATION_EXPIRED:
        return WayBack.EXPIRED
    if payment.status is Status.AUTHORISATION_REQUIRED and payment.failure is not None:
        return WayBack.REFUSED
    return _PAYMENT.get(payment.status, WayBack.UNKNOWN)


def of_consent(status: ConsentStatus) -> WayBack:
    """Of a consent at a bank."""
    return _CONSENT.get(status, WayBack.UNKNOWN)


def of_plan(subscription: PlanSubscription) -> WayBack:
    """Of a plan's first payment, or of a renewal."""
    if subscription.is_open and subscription.failure is not None:
        return WayBack.REFUSED
    return _PLAN.get(subscription.status, WayBack.UNKNOWN)
