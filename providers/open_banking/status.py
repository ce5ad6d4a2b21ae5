"""The banks' status words in ours. Source: docs/vendors/nextgenpsd2.md, Consents, Payments."""

from collections.abc import Mapping
from typing import Final

from domain.consent import ConsentStatus
from domain.payment import Failure, FailureCode, Sca, Status

# ISO 20022 ExternalPaymentTransactionStatus1Code. A code that is not listed changes no payment.
PAYMENT_STATUS: Final[Mapping[str, Status]] = {
    "RCVD": Status.AUTHORISATION_REQUIRED,
    "PDNG": Status.AUTHORISATION_REQUIRED,
    "PATC": Status.AUTHORISATION_REQUIRED,
    "ACTC": Status.PROCESSING,
    "ACFC": Status.PROCESSING,
    "ACCP": Status.PROCESSING,
    "ACWC": Status.PROCESSING,
    "ACWP": Status.PROCESSING,
    "ACSP": Status.PROCESSING,
    "ACSC": Status.SETTLED,
    "ACCC": Status.SETTLED,
    "RJCT": Status.REJECTED,
    "CANC": Status.CANCELLED,
}
# With these SCA statuses a payment is not authorised yet, whatever its transaction status is.
SCA_OPEN: Final = frozenset({"received", "psuIdentified", "psuAuthenticated", "scaMethodSelected", "started"})

CONSENT_STATUS: Final[Mapping[str, ConsentStatus]] = {
    "received": ConsentStatus.AWAITING_AUTHORISATION,
    "partiallyAuthorised": ConsentStatus.AWAITING_AUTHORISATION,
    "valid": ConsentStatus.ACTIVE,
    "rejected": ConsentStatus.REJECTED,
    "expired": ConsentStatus.EXPIRED,
    "revokedByPsu": ConsentStatus.REVOKED,
    "terminatedByTpp": ConsentStatus.REVOKED,
}

# Why a payment failed, by the sandbox's codes. The other vendors' codes are mapped to these.
FAILURES: Final[Mapping[str, Failure]] = {
    "AUTHORISATION_REFUSED": Failure(FailureCode.AUTHORISATION_REFUSED),
    "AUTHORISATION_EXPIRED": Failure(FailureCode.AUTHORISATION_EXPIRED),
    "FUNDS_NOT_AVAILABLE": Failure(FailureCode.INSUFFICIENT_FUNDS),
    "EXECUTION_FAILED": Failure(FailureCode.EXECUTION_FAILED),
}
# The banks call these ends rejected; for users they have statuses of their own.
END_OF_FAILURE: Final = {
    FailureCode.AUTHORISATION_EXPIRED: Status.EXPIRED,
    FailureCode.EXECUTION_FAILED: Status.FAILED,
}
SCA_DONE: Final = frozenset({"finalised", "exempted"})
SCA_FAILED: Final = frozenset({"failed"})
NOT_TAKEN: Final = Failure(FailureCode.REJECTED_BY_BANK)


def sca_of(word: str | None) -> Sca | None:
    """How far the approval is, None for an SCA status that was not read or is not known."""
    known = {Sca.OPEN: SCA_OPEN, Sca.DONE: SCA_DONE, Sca.FAILED: SCA_FAILED}
    return next((sca for sca, words in known.items() if word in words), None)


def end_of(failure: Failure) -> Status:
    """The status of a payment that the bank calls rejected, by its reason."""
    return END_OF_FAILURE.get(failure.code, Status.REJECTED)
