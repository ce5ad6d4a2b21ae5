"""Cards that Drop issues: who holds them, and whether they can pay."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from domain.errors import InvalidState
from domain.feature import Feature
from domain.ids import CardholderId, CardId, UserId
from domain.profile import Address
from domain.text import Text


class CardType(StrEnum):
    """What kind of card is issued; each kind has a feature flag of its own."""

    VIRTUAL = "VIRTUAL"
    PHYSICAL = "PHYSICAL"

    @property
    def feature(self) -> Feature:
        """The flag that must be on for this kind of card to be issued."""
        return Feature.VIRTUAL_CARDS if self is CardType.VIRTUAL else Feature.PHYSICAL_CARDS


class CardStatus(StrEnum):
    """How far a card has come. REQUESTED means that the issuer has not answered yet, FAILED that it issues no card."""

    REQUESTED = "REQUESTED"
    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class CardFailure(StrEnum):
    """Why the issuer issues no card. OTHER is a reason that an earlier or a later version has stored."""

    CARDHOLDER_UNKNOWN = "CARDHOLDER_UNKNOWN"
    NOT_ISSUED = "NOT_ISSUED"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER

    @property
    def text(self) -> Text:
        """What to show to the person who asked for the card."""
        return Text("card_failure", self)


# What is over, and keeps a user neither from another card nor from leaving.
OVER: Final = frozenset({CardStatus.CANCELLED, CardStatus.FAILED})
_NEXT: Mapping[CardStatus, frozenset[CardStatus]] = {
    CardStatus.REQUESTED: frozenset(CardStatus) - {CardStatus.REQUESTED},
    CardStatus.ACTIVE: frozenset({CardStatus.FROZEN, CardStatus.CANCELLED}),
    CardStatus.FROZEN: frozenset({CardStatus.ACTIVE, CardStatus.CANCELLED}),
    CardStatus.CANCELLED: frozenset(),
    CardStatus.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Cardholder:
    """A user at the card issuer, unique per user. `vendor_cardholder_id` is None until the issuer has answered."""

    id: CardholderId
    user_id: UserId
    vendor: str
    name: str
    address: Address
    created_at: datetime
    vendor_cardholder_id: str | None = None


@dataclass(frozen=True, slots=True)
class CardFace:
    """What may be shown of a card: never its whole number."""

    last4: str
    expiry_month: int
    expiry_year: int


@dataclass(frozen=True, slots=True)
class Card:
    """A card of a user. `vendor_card_id` and `face` are None until the issuer has answered.

    `failure` tells why it has FAILED, and is None of any other.
    """

    id: CardId
    user_id: UserId
    cardholder_id: CardholderId
    vendor: str
    type: CardType
    created_at: datetime
    status: CardStatus = CardStatus.REQUESTED
    vendor_card_id: str | None = None
    face: CardFace | None = None
    failure: CardFailure | None = None
    version: int = 1

    def require(self, wanted: CardStatus) -> None:
        """Raises InvalidState where the card cannot get the wanted status, or the issuer has not answered yet."""
        if self.status is CardStatus.REQUESTED:
            message = "The card is on its way to the issuer. Try again in a minute."
            raise InvalidState(message, field=("input", "id"), text="CARD_ON_ITS_WAY")
        if wanted is not self.status and wanted not in _NEXT[self.status]:
            raise InvalidState(f"The card is {self.status}.", field=("input", "id"), text="CARD_STATUS")

    def refused(self, failure: CardFailure) -> "Card":
        """The issuer does not issue the card; the same object where it has answered before."""
        if self.status is not CardStatus.REQUESTED:
            return self
        return replace(self, status=CardStatus.FAILED, failure=failure, version=self.version + 1)

    def apply(self, status: CardStatus | None, reference: str, face: CardFace | None) -> "Card":
        """Take what the issuer reports; the same object where nothing changed. A CANCELLED card stays so.

        A status or face that is not known, None, changes nothing.
        """
        known = replace(self, vendor_card_id=reference, face=face or self.face)
        if status is not None and status in _NEXT[self.status]:
            known = replace(known, status=status)
        return self if known == self else replace(known, version=self.version + 1)
