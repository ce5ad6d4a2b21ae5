"""Sumsub's review object in our words. Source: docs/vendors/sumsub.md, Review."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from domain.kyc import Check, CheckKind, CheckResult, KycStatus, Review
from providers.calling.status_words import status_of

PENDING: Final = frozenset({"init", "pending", "prechecked", "queued", "awaitingUser", "awaitingService", "onHold"})
_IS_COMPLETED: Final[Mapping[str, bool]] = {"completed": True} | dict.fromkeys(PENDING, False)
_IS_GREEN: Final[Mapping[str, bool]] = {"GREEN": True, "RED": False}
# The check that a reject label is about. The vendor may add labels, so only the reject type decides a review.
CHECK_OF_LABEL: Final[Mapping[str, CheckKind]] = {
    "DOCUMENT_UNREADABLE": CheckKind.DOCUMENT_AUTHENTICITY,
    "UNSATISFACTORY_PHOTOS": CheckKind.DOCUMENT_AUTHENTICITY,
    "FORGERY": CheckKind.DOCUMENT_AUTHENTICITY,
    "FRAUDULENT_LIVENESS": CheckKind.LIVENESS,
    "BAD_FACE_MATCHING": CheckKind.FACE_MATCH,
    "SELFIE_MISMATCH": CheckKind.FACE_MATCH,
    "SANCTIONS": CheckKind.SANCTIONS,
    "PEP": CheckKind.POLITICALLY_EXPOSED_PERSON,
}


def review_of(answer: Mapping[str, Any], reviewed_at: datetime) -> Review:
    """The review in an answer. `reviewAnswer` counts only if `completed`; an unknown word of either has no status."""
    given = answer.get("reviewResult")
    result: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    is_completed = status_of(_IS_COMPLETED, answer["reviewStatus"], of="review")
    if is_completed is False:
        return Review(KycStatus.PENDING, reviewed_at, checks=_checks(CheckResult.PENDING, ()))
    is_green = status_of(_IS_GREEN, result.get("reviewAnswer"), of="review answer") if is_completed else None
    if is_green is None:
        return Review(None, reviewed_at)
    risk = _score(answer.get("risk"))
    if is_green:
        passed = _checks(CheckResult.PASSED, ())
        return Review(KycStatus.APPROVED, reviewed_at, is_decided=True, risk_score=risk, checks=passed)
    reasons = result.get("rejectLabels")
    labels = tuple(map(str, reasons)) if isinstance(reasons, list) else ()
    is_final = result.get("reviewRejectType") == "FINAL"
    return Review(
        KycStatus.REJECTED if is_final else KycStatus.PENDING,
        reviewed_at,
        is_decided=True,
        retry_required=not is_final,
        can_retry=not is_final,
        reject_labels=labels,
        risk_score=risk,
        checks=_checks(CheckResult.PASSED, labels),
    )


def _score(risk: object) -> int | None:
    """0 to 100, whether the vendor writes it as a number or a text."""
    try:
        score = round(float(str(risk)))
    except (ValueError, OverflowError):
        return None
    return score if 0 <= score <= 100 else None


def _checks(unlabelled: CheckResult, labels: tuple[str, ...]) -> tuple[Check, ...]:
    failed = {CHECK_OF_LABEL[label] for label in labels if label in CHECK_OF_LABEL}
    return tuple(Check(kind, CheckResult.FAILED if kind in failed else unlabelled) for kind in CheckKind)
