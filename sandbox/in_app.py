"""What the banks show where they ask in their own app, without a page: a text, and a code that changes meanwhile."""

from datetime import datetime, timedelta
from typing import Final

from sandbox import scenarios
from sandbox.bank import PAGE_LIFETIME
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

CODE_LIFETIME: Final = timedelta(seconds=30)
_FIRST_CODE: Final = 4711
_METHODS: Final = {"mobile-bank": "Mobilbanken", "bankid": "BankID-appen"}


def of_request(about: str) -> Document:
    """What to keep with a new consent that the request's scenario has approved in the app, empty for one on a page."""
    chosen = scenarios.of_request(scenarios.BANK)
    return of_outcome(chosen.outcome if chosen is not None else None, about)


def of_outcome(outcome: str | None, about: str) -> Document:
    """As `of_request`, of a scenario's outcome."""
    if outcome == scenarios.CHOICE:
        methods = [{"authenticationMethodId": method, "name": name} for method, name in _METHODS.items()]
        return {"scaMethods": methods}
    return asked(about) if outcome == scenarios.DECOUPLED else {}


def chosen(kept: Document, method: str, about: str) -> Document:
    """The object once its user has chosen the app. Raises Refused for a method that the bank does not offer."""
    if "scaMethods" not in kept or method not in _METHODS:
        raise Refused(400, "SCA_METHOD_UNKNOWN", "The bank does not offer this method.")
    return {**{name: value for name, value in kept.items() if name != "scaMethods"}, **asked(about)}


def asked(about: str) -> Document:
    """What to keep with an object that is approved in the app. `about` is what the user approves, in Norwegian."""
    return {"psuMessage": f"Åpne BankID-appen, sammenlign koden og godkjenn {about}."}


def shown(world: World, kept: Document, ends_at: str) -> Document:
    """The object with the code that its approval shows now; as it is where it is approved on a page."""
    if "psuMessage" not in kept:
        return kept
    since = world.now - (datetime.fromisoformat(ends_at) - PAGE_LIFETIME)
    return {**kept, "challengeData": {"data": [f"{_FIRST_CODE + since // CODE_LIFETIME}"]}}
