"""Know your customer (KYC): the user's application, which of the vendor's reviews counts, and what of it is told.

Whether a person is suspected, examined or reported may not be disclosed to that person (hvitvaskingsloven § 28). So a
reason about the document or the picture is told, and all others, known or not, read alike: OTHER.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.errors import InvalidState, KycRequired
from domain.ids import KycId, UserId


class KycStatus(StrEnum):
    """Whether the user's identity is known. PENDING waits for the vendor, or for another document of the user."""

    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class CheckKind(StrEnum):
    """What the vendor checks, each with a result of its own. The last two are never told to the user."""

    DOCUMENT_AUTHENTICITY = "DOCUMENT_AUTHENTICITY"
    LIVENESS = "LIVENESS"
    FACE_MATCH = "FACE_MATCH"
    SANCTIONS = "SANCTIONS"
    POLITICALLY_EXPOSED_PERSON = "POLITICALLY_EXPOSED_PERSON"


class ToldCheckKind(StrEnum):
    """The checks whose results the user may see."""

    DOCUMENT_AUTHENTICITY = "DOCUMENT_AUTHENTICITY"
    LIVENESS = "LIVENESS"
    FACE_MATCH = "FACE_MATCH"


class CheckResult(StrEnum):
    """The outcome of one check; PENDING until the vendor reports it."""

    PENDING = "PENDING"
    PASSED = "PASSED"
    FAILED = "FAILED"


class RejectLabel(StrEnum):
    """A vendor's reason as the user may know it. OTHER is every reason that is not told."""

    DOCUMENT_UNREADABLE = "DOCUMENT_UNREADABLE"
    UNSATISFACTORY_PHOTOS = "UNSATISFACTORY_PHOTOS"
    BAD_FACE_MATCHING = "BAD_FACE_MATCHING"
    SELFIE_MISMATCH = "SELFIE_MISMATCH"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Check:
    """One of the vendor's checks of an applicant, and its outcome."""

    kind: CheckKind
    result: CheckResult


@dataclass(frozen=True, slots=True)
class Review:
    """The vendor's answer about an applicant, in Drop's words.

    `status` is None for a status of the vendor that is not known, which moves nothing. `reviewed_at` is by the vendor's
    clock. `is_decided` tells a decision from a review that is still under way;
    `risk_score` is 0 to 100.
    """

    status: KycStatus | None
    reviewed_at: datetime
    is_decided: bool = False
    retry_required: bool = False
    can_retry: bool = False
    reject_labels: tuple[str, ...] = ()
    risk_score: int | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Kyc:
    """A user's application; each user has one. `risk_score` (0 to 100) is for operators alone.

    `reviewed_at` is the newest decision, `newest_review_at` the review that was read last, both by the vendor's clock.
    """

    id: KycId
    user_id: UserId
    vendor: str
    applicant_id: str | None = None
    status: KycStatus = KycStatus.NOT_STARTED
    retry_required: bool = False
    can_retry: bool = False
    reject_labels: tuple[str, ...] = ()
    risk_score: int | None = None
    checks: tuple[Check, ...] = ()
    started_at: datetime | None = None
    reviewed_at: datetime | None = None
    newest_review_at: datetime | None = None
    version: int = 0

    def start(self, applicant_id: str, at: datetime) -> "Kyc":
        """NOT_STARTED becomes PENDING; the same object in any later status."""
        if self.status is not KycStatus.NOT_STARTED:
            return self
        return replace(
            self, applicant_id=applicant_id, status=KycStatus.PENDING, started_at=at, version=self.version + 1
        )

    def require_retry(self) -> None:
        """Raises InvalidState unless the vendor takes another document."""
        if not self.can_retry:
            raise InvalidState("There is nothing to submit again.", text="NO_DOCUMENTS_AWAITED")

    def retry(self) -> "Kyc":
        """PENDING again, without the labels of the last rejection. Raises InvalidState as `require_retry` does."""
        self.require_retry()
        return replace(
            self,
            status=KycStatus.PENDING,
            retry_required=False,
            can_retry=False,
            reject_labels=(),
            version=self.version + 1,
        )

    def apply(self, review: Review) -> "Kyc":
        """Take what the vendor says now; the same object where nothing changed.

        Approval can be taken back, and a reset dates the review by its start again: KYC is not monotone. Who asks sees
        to it that no other answer was taken since the question.
        """
        if self.status is KycStatus.NOT_STARTED or review.status is None:
            return self
        updated = replace(
            self,
            status=review.status,
            retry_required=review.retry_required,
            can_retry=review.can_retry,
            reject_labels=review.reject_labels,
            risk_score=review.risk_score,
            checks=review.checks or self.checks,
            reviewed_at=review.reviewed_at if review.is_decided else self.reviewed_at,
            newest_review_at=review.reviewed_at,
        )
        silent = replace(self, newest_review_at=updated.newest_review_at, risk_score=updated.risk_score)
        if replace(updated, reviewed_at=self.reviewed_at) == silent:
            # The review says the same, but its time is kept: it tells that another answer was taken. So is the risk
            # score, which no version shows: that it has changed may not be told either (hvitvaskingsloven § 28).
            return self if silent == self else silent
        return replace(updated, version=self.version + 1)


def told_labels(labels: Sequence[str]) -> list[RejectLabel]:
    """The vendor's reasons as the user may know them: in the vendor's order, each once, and one OTHER for the rest."""
    known = set(RejectLabel)
    return list(dict.fromkeys(RejectLabel(label) if label in known else RejectLabel.OTHER for label in labels))


def told_check_kinds(labels: Sequence[str], *, is_refused: bool) -> frozenset[CheckKind]:
    """The checks that are shown beside these reasons.

    None where a review failed for a reason that is not told: a FAILED would tell it, and a PASSED might be false.
    """
    told = told_labels(labels)
    has_untold = RejectLabel.OTHER in told or (is_refused and not told)
    return frozenset() if has_untold else frozenset(map(CheckKind, ToldCheckKind))


def told(kyc: Kyc) -> Kyc:
    """The application as its user may see it; the same again where it was told already. What is stored stays whole."""
    is_refused = kyc.status is KycStatus.REJECTED or kyc.retry_required
    shown = told_check_kinds(kyc.reject_labels, is_refused=is_refused)
    return replace(
        kyc,
        reject_labels=tuple(told_labels(kyc.reject_labels)),
        risk_score=None,
        checks=tuple(check for check in kyc.checks if check.kind in shown),
    )


def require_approved(status: KycStatus) -> None:
    """Raises KycRequired unless APPROVED."""
    if status is not KycStatus.APPROVED:
        raise KycRequired
