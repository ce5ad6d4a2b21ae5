"""Consents to read accounts, and the bank links that they keep alive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, Self

from domain.authorisation import SealedAuthorisation
from domain.clock import OSLO, oslo_date
from domain.ids import BankId, BankLinkId, ConsentId, UserId

MAX_DAYS: Final = 180
UNATTENDED_READS_A_DAY: Final = 4
# The text that is shown where a consent is asked for now: `consent` in schema/texts.toml. 0 stands for consents from
# before the first text. What a user has been shown is never changed: another wording is another version.
TEXT_VERSION: Final = 1
NAMES_MATCHING_SINCE: Final = 1


def names_matching(text_version: int) -> bool:
    """Whether the text says that an account's lines are used to find the user's own payments."""
    return text_version >= NAMES_MATCHING_SINCE


class ConsentStatus(StrEnum):
    """How far a consent has come; REPLACED means that a newer consent took over."""

    AWAITING_AUTHORISATION = "AWAITING_AUTHORISATION"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    REPLACED = "REPLACED"


_NEXT: Mapping[ConsentStatus, frozenset[ConsentStatus]] = {
    ConsentStatus.AWAITING_AUTHORISATION: frozenset(
        {ConsentStatus.ACTIVE, ConsentStatus.REJECTED, ConsentStatus.EXPIRED}
    ),
    ConsentStatus.ACTIVE: frozenset({ConsentStatus.EXPIRED, ConsentStatus.REVOKED, ConsentStatus.REPLACED}),
}


class Scope(StrEnum):
    """What a consent lets Drop read at the bank."""

    ACCOUNTS = "ACCOUNTS"
    BALANCES = "BALANCES"
    TRANSACTIONS = "TRANSACTIONS"


@dataclass(frozen=True, slots=True)
class Consent:
    """The user's permission to read accounts at one bank. `valid_until` is an Oslo date, inclusive.

    `text_version` is that of the text under which it was asked for. `authorisation` is what the user must see to give
    it in the bank's app, None where it is given on a page, and once it is given or over. `awaits_return` where its user
    has not come back from that page.
    """

    id: ConsentId
    user_id: UserId
    bank_link_id: BankLinkId
    vendor: str
    created_at: datetime
    valid_until: date
    status: ConsentStatus = ConsentStatus.AWAITING_AUTHORISATION
    vendor_consent_id: str | None = None
    text_version: int = 0
    authorisation: SealedAuthorisation | None = None
    awaits_return: bool = False
    version: int = 0

    def apply(self, status: ConsentStatus) -> "Consent":
        """Take what the bank reports; the same object where nothing changed. A status that ended the consent stays."""
        if status not in _NEXT.get(self.status, frozenset()):
            return self
        return replace(self, status=status, version=self.version + 1)

    @property
    def ends_at(self) -> datetime:
        """The first moment at which the consent no longer holds: midnight in Oslo after `valid_until`."""
        return datetime.combine(self.valid_until + timedelta(days=1), time(), OSLO)


@dataclass(frozen=True, slots=True)
class AccountRead:
    """One read of a bank link's accounts at the bank; attended means that the user was present (PSD2)."""

    at: datetime
    is_attended: bool


@dataclass(frozen=True, slots=True)
class ReadsToday:
    """A bank link's newest reads, and how many unattended reads PSD2 leaves for the rest of this Oslo day."""

    last: Sequence[AccountRead]
    unattended_left: int


class BankLinkEnd(StrEnum):
    """Why a bank link is no longer ACTIVE, as its user may see it. What a later version has stored reads as OTHER."""

    DISCONNECTED = "DISCONNECTED"
    ENDED_BY_BANK = "ENDED_BY_BANK"
    REFUSED = "REFUSED"
    BANK_UNAVAILABLE = "BANK_UNAVAILABLE"
    EXPIRED = "EXPIRED"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER


class BankLinkStatus(StrEnum):
    """How a bank link stands, by the newest of its consents that counts."""

    AWAITING_AUTHORISATION = "AWAITING_AUTHORISATION"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class BankLink:
    """A user's link to one bank, unique per user and bank. It outlives its consents.

    `expires_at` is when the active consent ends; `ended_because` tells why the last one ended. `unreadable_accounts`
    counts the accounts that the bank listed in a form that could not be read.
    """

    id: BankLinkId
    user_id: UserId
    bank_id: BankId
    vendor: str
    created_at: datetime
    status: BankLinkStatus = BankLinkStatus.AWAITING_AUTHORISATION
    expires_at: datetime | None = None
    ended_because: BankLinkEnd | None = None
    unreadable_accounts: int = 0
    version: int = 0

    def apply_consent(self, consent: Consent, because: BankLinkEnd | None = None) -> "BankLink":
        """Take a consent's new status. `because` is why the consent ended, where its status alone does not tell.

        A REPLACED consent changes nothing, nor does a renewal that failed: the older consent is still ACTIVE.
        """
        if consent.status is ConsentStatus.REPLACED:
            return self
        status = BankLinkStatus(consent.status)
        renewal_failed = self.status is BankLinkStatus.ACTIVE and consent.status in (
            ConsentStatus.AWAITING_AUTHORISATION,
            ConsentStatus.REJECTED,
        )
        if renewal_failed:
            return self
        return replace(
            self,
            status=status,
            expires_at=consent.ends_at if status is BankLinkStatus.ACTIVE else self.expires_at,
            ended_because=because or _END.get(status) if status not in _ALIVE else None,
            version=self.version + 1,
        )


_ALIVE = frozenset({BankLinkStatus.ACTIVE, BankLinkStatus.AWAITING_AUTHORISATION})
_END = {
    BankLinkStatus.REJECTED: BankLinkEnd.REFUSED,
    BankLinkStatus.EXPIRED: BankLinkEnd.EXPIRED,
    BankLinkStatus.REVOKED: BankLinkEnd.ENDED_BY_BANK,
}


def longest_valid_until(now: datetime) -> date:
    """The last Oslo date to ask for in a consent given now: a day inside of what it may hold (PSD2 RTS: 180 days).

    Banks refuse a longer one, and may count the days by another clock or with both ends.
    """
    return oslo_date(now) + timedelta(days=MAX_DAYS - 1)
