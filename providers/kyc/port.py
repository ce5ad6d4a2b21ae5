"""Know your customer (KYC): a vendor checks a user's identity by documents and face."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from domain.ids import UserId
from domain.kyc import Review

TOKEN_LIFETIME: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token with which the user's own client uses the vendor's SDK, for this applicant only. Must not be logged.

    `url` is a page of the vendor that the token opens, None where the vendor has an SDK alone.
    """

    token: str
    expires_at: datetime
    url: str | None = None


@dataclass(frozen=True, slots=True)
class KycEvent:
    """A KYC vendor's webhook. It only says which applicant to ask about: the review is read at the vendor.

    `event_key` is the same when the vendor repeats the webhook. `kind` is the vendor's name of the event.
    """

    event_key: str
    kind: str
    applicant_id: str | None
    user_id: UserId | None


class KycProvider(Protocol):
    """Verifies users. An applicant is a user at the vendor, found there by our user id.

    Source: docs/vendors/sumsub.md.
    """

    async def create_applicant(self, user_id: UserId, name: str) -> str:
        """Create an applicant, and give its id at the vendor. Safe to repeat: an existing applicant is reused.

        Raises Unavailable.
        """

    async def get_access_token(self, user_id: UserId, return_to: str | None) -> AccessToken:
        """A token that is valid for `TOKEN_LIFETIME`. Safe to repeat. Raises Unavailable.

        The vendor's page, where it has one, leads on to `return_to`; an SDK runs in a page of the client's own.
        """

    async def submit_again(self, applicant_id: str) -> None:
        """Let the user hand in new documents after a review that asked for a retry.

        Raises Unavailable, and InvalidState if the review takes no new documents.
        """

    async def get_verification_result(self, applicant_id: str) -> Review | None:
        """The applicant's present review, None for an unknown applicant. Safe to repeat. Raises Unavailable."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> KycEvent:
        """Verify a webhook over its raw body, and read it. `headers` have lower-case names.

        Safe to repeat. Raises BadSignature, BadWebhook.
        """

    def read_webhook(self, raw: bytes) -> KycEvent:
        """Read a stored body that was verified before. Raises BadWebhook."""
