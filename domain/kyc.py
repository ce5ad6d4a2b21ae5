"""KYC: what the vendor's reviews mean, and which review counts."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.errors import InvalidState, KycRequired
from domain.ids import KycId, UserId


class KycStatus(StrEnum):
    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class CheckKind(StrEnum):
    DOCUMENT_AUTHENTICITY = "DOCUMENT_AUTHENTICITY"
    LIVENESS = "LIVENESS"
    FACE_MATCH = "FACE_MATCH"
    SANCTIONS = "SANCTIONS"
    POLITICALLY_EXPOSED_PERSON = "POLITICALLY_EXPOSED_PERSON"


class CheckResult(StrEnum):
    PENDING = "PENDING"
    PASSED = "PASSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Check:
    kind: CheckKind
    result: CheckResult


@dataclass(frozen=True, slots=True)
class Review:
    """What the vendor says of an applicant, in our words. `reviewed_at` is the vendor's own time."""

    status: KycStatus
    reviewed_at: datetime
    is_decided: bool = False
    retry_required: bool = False
    can_retry: bool = False
    reject_labels: tuple[str, ...] = ()
    risk_score: int | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Kyc:
    """A user's application. `risk_score` is for operators alone."""

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
    news_at: datetime | None = None
    version: int = 0

    def start(self, applicant_id: str, at: datetime) -> "Kyc":
        """NOT_STARTED becomes PENDING; anything later stays as it is."""
        if self.status is not KycStatus.NOT_STARTED:
            return self
        return replace(
            self, applicant_id=applicant_id, status=KycStatus.PENDING, started_at=at, version=self.version + 1
        )

    def require_retry(self) -> None:
        """Raises InvalidState unless another document may be handed in."""
        if not self.can_retry:
            raise InvalidState("There is nothing to submit again.")

    def retry(self) -> "Kyc":
        """A new submission: PENDING, without the last one's labels. Raises InvalidState."""
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
        """Take a review. The newest by the vendor's own time wins; the same object where nothing changed.

        Approval can be taken back: KYC is not monotone.
        """
        if self.status is KycStatus.NOT_STARTED:
            return self
        if self.news_at is not None and review.reviewed_at < self.news_at:
            return self
        learned = replace(
            self,
            status=review.status,
            retry_required=review.retry_required,
            can_retry=review.can_retry,
            reject_labels=review.reject_labels,
            risk_score=review.risk_score,
            checks=review.checks or self.checks,
            reviewed_at=review.reviewed_at if review.is_decided else self.reviewed_at,
            news_at=review.reviewed_at,
        )
        if replace(learned, news_at=self.news_at, reviewed_at=self.reviewed_at) == self:
            # Says the same, but an older review may still be on its way: remember how new this one is.
            return self if review.reviewed_at == self.news_at else replace(self, news_at=review.reviewed_at)
        return replace(learned, version=self.version + 1)


def require_approved(status: KycStatus) -> None:
    """Raises KycRequired unless APPROVED."""
    if status is not KycStatus.APPROVED:
        raise KycRequired
