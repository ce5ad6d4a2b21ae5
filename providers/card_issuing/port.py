"""Card issuing: cardholders and their cards, which can be frozen and cancelled."""

from dataclasses import dataclass
from typing import Protocol

from domain.card import Card, CardFace, CardFailure, Cardholder, CardStatus
from domain.errors import InvalidState


class NotIssued(InvalidState):
    """The issuer does not issue a card, for the reason in `failure`."""

    def __init__(self, failure: CardFailure) -> None:
        super().__init__("The issuer does not issue this card.", text="CARD_NOT_ISSUED")
        self.failure = failure


@dataclass(frozen=True, slots=True)
class CardState:
    """A card at the issuer. `reference` is the issuer's id, `face` what is printed on the card (last four digits).

    `status` is None for a word of the issuer that is not known, which moves nothing; `face` is None where it cannot be
    read.
    """

    reference: str
    status: CardStatus | None
    face: CardFace | None


class CardIssuing(Protocol):
    """Issues cards to users. Every creation carries our id as idempotency key, so a repeat creates nothing new.

    Where the issuer may have forgotten the key, what an earlier request made is looked for by our id.

    Source: docs/vendors/stripe.md, Issuing.
    """

    async def create_cardholder(self, cardholder: Cardholder, *, email: str | None, phone: str | None) -> str:
        """Create a cardholder, and give its id at the issuer. `phone` is E.164. Safe to repeat.

        Raises Unavailable, and InvalidState if the issuer does not accept the person.
        """

    async def issue(self, card: Card, cardholder: Cardholder) -> CardState:
        """Issue a card that can pay at once; a physical card is sent to the cardholder's address. Safe to repeat.

        Raises Unavailable, InDoubt, and NotIssued if the issuer does not issue the card.
        """

    async def set_status(self, reference: str, status: CardStatus) -> CardState:
        """Freeze, unfreeze or cancel a card, and give its state. A cancelled card stays cancelled.

        Safe to repeat. Raises Unavailable.
        """
