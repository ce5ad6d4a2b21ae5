"""Know your customer: whether a person is who they say, checked by documents and face."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from domain.ids import UserId
from domain.kyc import Review

TOKEN_LIFETIME: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Lets the user's own client talk to the vendor's SDK for this one applicant."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KycEvent:
    """A webhook, read: which applicant, and a key that repeats when the vendor sends it again."""

    event_key: str
    kind: str
    applicant_id: str | None
    user_id: UserId | None


class KycProvider(Protocol):
    async def create_applicant(self, user_id: UserId, name: str) -> str:
        """The applicant's id at the vendor; one that exists is reused. Raises Unavailable."""

    async def get_access_token(self, user_id: UserId) -> AccessToken:
        """A token for `TOKEN_LIFETIME`. Safe to repeat. Raises Unavailable."""

    async def submit_again(self, applicant_id: str) -> None:
        """Ask the vendor for a new check after a retry was required. Raises Unavailable, InvalidState."""

    async def get_verification_result(self, applicant_id: str) -> Review | None:
        """The applicant's review as it stands, None where the vendor knows no such applicant. Raises Unavailable."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> KycEvent:
        """Verify on the raw body, then read. Raises BadSignature, BadWebhook."""

    def read_webhook(self, raw: bytes) -> KycEvent:
        """Read a body that was verified before. Raises BadWebhook."""
