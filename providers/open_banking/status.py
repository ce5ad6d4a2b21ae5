"""The banks' status words in ours. Source: providers reference, 4.2 and 4.4."""

from collections.abc import Mapping
from typing import Final

from domain.consent import ConsentStatus
from domain.payment import Status

# ISO 20022 ExternalPaymentTransactionStatus1Code. A code that is not listed is logged and moves nothing.
PAYMENT_STATUS: Final[Mapping[str, Status]] = {
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
# Not authorised yet, whatever the transaction status says.
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
