"""Which scenario a request plays: by its header, else by a magic value, else none."""

import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

BANK: Final = "bank"
CARD: Final = "card"
KYC: Final = "kyc"
# What goes wrong on the way to the vendor and back.
SLOW: Final = "slow"
RATE_LIMITED: Final = "rate-limited"
ERROR: Final = "error"
ANSWER_LOST: Final = "answer-lost"
WEBHOOK_FIRST: Final = "webhook-first"
# What goes wrong with webhooks.
LATE: Final = "webhooks-late"
DOUBLED: Final = "webhooks-doubled"
REORDERED: Final = "webhooks-reordered"
WRONGLY_SIGNED: Final = "webhooks-wrongly-signed"
DELIVERY_FAULTS: Final = frozenset({LATE, DOUBLED, REORDERED, WRONGLY_SIGNED})
# What a vendor decides.
INSUFFICIENT_FUNDS: Final = "insufficient-funds"
DECLINED: Final = "declined"
FAILS: Final = "fails"
# How a bank has a payment approved: in its own app, without a page.
DECOUPLED: Final = "decoupled"
# Or in one of several apps, of which the user names theirs first.
CHOICE: Final = "choice"
# Or carries it out without any approval.
EXEMPTED: Final = "exempted"
# Or does not know it any more once its page has closed unused.
FORGOTTEN: Final = "forgotten"
_FILE: Final = Path(__file__).parent / "scenarios.toml"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way that a payment can go. `status` and `failure` are what the product shows in the end, for a bank payment.

    A card payment may end otherwise.
    """

    id: str
    about: str
    rails: tuple[str, ...]
    outcome: str | None = None
    fault: str | None = None
    amount_minor: int | None = None
    creditor: str | None = None
    kid: str | None = None
    persona: str | None = None
    address: str | None = None
    status: str | None = None
    failure: str | None = None
    card_status: str | None = None
    card_failure: str | None = None

    @property
    def chosen_by(self) -> Mapping[str, object]:
        """The magic values that choose this scenario, beside the header."""
        names = ("persona", "amount_minor", "creditor", "kid", "address")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def delivery(self) -> str | None:
        return self.fault if self.fault in DELIVERY_FAULTS else None


# The scenario header of the current request.
requested: ContextVar[Scenario | None] = ContextVar("requested", default=None)


@cache
def scenarios() -> dict[str, Scenario]:
    found = {}
    for entry in tomllib.loads(_FILE.read_text())["scenario"]:
        found[entry["id"]] = Scenario(**{**entry, "rails": tuple(entry["rails"])})
    return found


def of_request(rail: str) -> Scenario | None:
    """The scenario of the request's header, where it is one of this rail."""
    chosen = requested.get()
    return chosen if chosen is not None and rail in chosen.rails else None


def outcome_of(
    rail: str, *, amount_minor: int | None = None, creditor: str | None = None, kid: str | None = None
) -> str | None:
    """What the vendor decides: by the header, else by a magic value, else None for the vendor's own rules."""
    chosen = of_request(rail)
    if chosen is not None and chosen.outcome is not None:
        return chosen.outcome
    for scenario in scenarios().values():
        values = ((scenario.amount_minor, amount_minor), (scenario.creditor, creditor), (scenario.kid, kid))
        if rail in scenario.rails and any(magic is not None and magic == given for magic, given in values):
            return scenario.outcome
    return None


def delivery_of(rail: str) -> str | None:
    """The fault of the webhooks of a new object."""
    chosen = of_request(rail)
    return chosen.delivery if chosen else None
