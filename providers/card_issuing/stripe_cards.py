"""Stripe's issuing cards in our words. Source: docs/vendors/stripe.md, Issuing."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from domain.card import CardFace, CardFailure, CardStatus
from providers.calling.json_parts import text
from providers.calling.status_words import status_of
from providers.card_issuing.port import CardState, NotIssued
from providers.stripe_pages import unreadable
from providers.stripe_values import id_of

Word = Literal["active", "inactive", "canceled"]
WORDS: Final[Mapping[CardStatus, Word]] = {
    CardStatus.ACTIVE: "active",
    CardStatus.FROZEN: "inactive",
    CardStatus.CANCELLED: "canceled",
}
_STATUS: Final[Mapping[str, CardStatus]] = {word: status for status, word in WORDS.items()}
# The code of a refused card; all others read as NOT_ISSUED. The cardholder is all that the request names.
_FAILURES: Final[Mapping[str, CardFailure]] = {"resource_missing": CardFailure.CARDHOLDER_UNKNOWN}
_LAST_DIGITS: Final = 4
_MONTHS: Final = range(1, 13)
_YEARS: Final = range(2000, 2200)


def card_state(card: Mapping[str, Any]) -> CardState:
    """The state of a card object. What is odd in it costs itself alone; without an id it is not this card."""
    return CardState(id_of(card), status_of(_STATUS, card.get("status"), of="issued card"), _face_of(card))


def not_issued(answer: Mapping[str, Any]) -> NotIssued:
    """The error to raise for a card that is refused, by the content of the refusal."""
    return NotIssued(_FAILURES.get(text(answer.get("code")) or "", CardFailure.NOT_ISSUED))


def _face_of(card: Mapping[str, Any]) -> CardFace | None:
    last4, month, year = text(card.get("last4")) or "", card.get("exp_month"), card.get("exp_year")
    has_expiry = isinstance(month, int) and month in _MONTHS and isinstance(year, int) and year in _YEARS
    if last4.isascii() and last4.isdigit() and len(last4) == _LAST_DIGITS and has_expiry:
        return CardFace(last4, card["exp_month"], card["exp_year"])
    unreadable("card face")
    return None
