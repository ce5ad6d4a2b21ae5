"""The card vendor's test cards, from scenarios.toml: what each of them does."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parent / "scenarios.toml"
Decline = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. `decline` and `renewal_decline` are (code, decline code); a challenge is 3-D Secure.

    A `delayed` one is a debit of a bank account, whose outcome comes days after it was confirmed.
    """

    payment_method: str
    number: str
    about: str
    decline: Decline | None
    renewal_decline: Decline | None
    challenge: bool
    renewal_challenge: bool
    refund: str
    delayed: bool


@cache
def cards() -> dict[str, Card]:
    """By payment method."""
    found = {}
    for entry in tomllib.loads(_FILE.read_text())["card"]:
        decline = _decline(entry.get("decline"))
        found[entry["payment_method"]] = Card(
            entry["payment_method"],
            entry["number"],
            entry["about"],
            decline,
            _decline(entry.get("renewal_decline")) or decline,
            entry.get("challenge", False),
            entry.get("renewal_challenge", False),
            entry.get("refund", "succeeds"),
            entry.get("delayed", False),
        )
    return found


def _decline(text: str | None) -> Decline | None:
    if text is None:
        return None
    code, _, decline_code = text.partition("/")
    return code, decline_code or None


def by_number(number: str) -> Card | None:
    """The card with this number, typed with or without spaces."""
    digits = "".join(number.split())
    return next((card for card in cards().values() if card.number == digits), None)
