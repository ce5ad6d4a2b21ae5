"""Card issuing: cardholders, and cards that can be frozen and cancelled."""

from dataclasses import dataclass
from typing import Protocol

from domain.card import Card, CardFace, Cardholder, CardStatus


@dataclass(frozen=True, slots=True)
class CardState:
    reference: str
    status: CardStatus
    face: CardFace


class CardIssuing(Protocol):
    """Every creation carries our own id as the issuer's idempotency key, so it may be sent again as the same."""

    async def create_cardholder(self, cardholder: Cardholder, *, email: str | None, phone: str | None) -> str:
        """The issuer's id. Raises Unavailable, InvalidState where the issuer does not take the person."""

    async def issue(self, card: Card, cardholder: Cardholder) -> CardState:
        """A card that can pay at once; a physical one is sent to the cardholder's address.

        Raises Unavailable, InDoubt, InvalidState.
        """

    async def set_status(self, reference: str, status: CardStatus) -> CardState:
        """Freeze, unfreeze or cancel; what is cancelled stays so. Safe to repeat. Raises Unavailable."""
