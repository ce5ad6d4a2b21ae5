"""Stripe's issuing cards in our words. Source: docs/vendors/stripe.md, Issuing."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from domain.card import CardFace, CardStatus
from providers.card_issuing.port import CardState

Word = Literal["active", "inactive", "canceled"]
WORDS: Final[Mapping[CardStatus, Word]] = {
    CardStatus.ACTIVE: "active",
    CardStatus.FROZEN: "inactive",
    CardStatus.CANCELLED: "canceled",
}
_STATUS: Final[Mapping[str, CardStatus]] = {word: status for status, word in WORDS.items()}


def card_state(card: Mapping[str, Any]) -> CardState:
    """The state of a card object. Raises KeyError for an unknown status."""
    return CardState(card["id"], _STATUS[card["status"]], CardFace(card["last4"], card["exp_month"], card["exp_year"]))
