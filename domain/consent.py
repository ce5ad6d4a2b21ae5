"""Consents to read accounts, and the bank connections that they keep alive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from domain.clock import OSLO, oslo_date
from domain.ids import BankId, ConnectionId, ConsentId, UserId

MAX_DAYS: Final = 180
UNATTENDED_READS_A_DAY: Final = 4


class ConsentStatus(StrEnum):
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
    ACCOUNTS = "ACCOUNTS"
    BALANCES = "BALANCES"
    TRANSACTIONS = "TRANSACTIONS"


@dataclass(frozen=True, slots=True)
class Consent:
    """The user's permission at one bank. `valid_until` is an Oslo date, inclusive."""

    id: ConsentId
    user_id: UserId
    connection_id: ConnectionId
    vendor: str
    created_at: datetime
    valid_until: date
    status: ConsentStatus = ConsentStatus.AWAITING_AUTHORISATION
    vendor_consent_id: str | None = None
    version: int = 0

    def apply(self, status: ConsentStatus) -> "Consent":
        """Take what the bank reports; the same object where nothing moved. Nothing leaves a final status."""
        if status not in _NEXT.get(self.status, frozenset()):
            return self
        return replace(self, status=status, version=self.version + 1)

    @property
    def ends_at(self) -> datetime:
        """The first moment at which the consent no longer holds: midnight in Oslo after `valid_until`."""
        return datetime.combine(self.valid_until + timedelta(days=1), time(), OSLO)


@dataclass(frozen=True, slots=True)
class AccountRead:
    """One reading of a connection at its bank; attended means the user was there."""

    at: datetime
    is_attended: bool


@dataclass(frozen=True, slots=True)
class ReadsToday:
    """A connection's newest readings, and how many are left today without the user."""

    last: Sequence[AccountRead]
    unattended_left: int


class ConnectionStatus(StrEnum):
    AWAITING_AUTHORISATION = "AWAITING_AUTHORISATION"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class BankConnection:
    """One user's tie to one bank; it outlives its consents."""

    id: ConnectionId
    user_id: UserId
    bank_id: BankId
    vendor: str
    created_at: datetime
    status: ConnectionStatus = ConnectionStatus.AWAITING_AUTHORISATION
    expires_at: datetime | None = None
    ended_because: str | None = None
    version: int = 0

    def follow(self, consent: Consent, because: str | None) -> "BankConnection":
        """Take a consent's new status. An ACTIVE connection ignores a renewal that came to nothing."""
        if consent.status is ConsentStatus.REPLACED:
            return self
        status = ConnectionStatus(consent.status)
        renewal_failed = self.status is ConnectionStatus.ACTIVE and consent.status in (
            ConsentStatus.AWAITING_AUTHORISATION,
            ConsentStatus.REJECTED,
        )
        if renewal_failed:
            return self
        return replace(
            self,
            status=status,
            expires_at=consent.ends_at if status is ConnectionStatus.ACTIVE else self.expires_at,
            ended_because=None if status in _ALIVE else because,
            version=self.version + 1,
        )


_ALIVE = frozenset({ConnectionStatus.ACTIVE, ConnectionStatus.AWAITING_AUTHORISATION})


def longest_valid_until(now: datetime) -> date:
    """The last Oslo date that a consent given now may hold (PSD2 RTS: 180 days)."""
    return oslo_date(now) + timedelta(days=MAX_DAYS)
