"""What a user asks for when paying by card, checked as a whole, and the vendor's form for the card."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.errors import Refusal, Refusals
from domain.idempotency import fingerprint_of
from domain.ids import AttemptId, PaymentId, UserId
from domain.input import check_amount, check_key, checked_text, clean_text, fault
from domain.money import Money

# The card networks' least charge, in oere.
LEAST_MINOR: Final = 300
MAX_DESCRIPTION: Final = 140
_PAYMENT_METHOD: Final = re.compile(r"pm_[A-Za-z0-9_]{1,100}")
# Digits as long as a card number, whatever stands between them.
_CARD_NUMBER: Final = re.compile(r"(?:\d[ -]?){12,19}")


@dataclass(frozen=True, slots=True)
class CardForm:
    """What the payer's own client shows the vendor's form for card numbers with.

    `publishable_key` names our account to the vendor's script, None where there is none. `client_secret` opens this
    payment and must not be logged. `url` is a page with the form, None where the client loads the vendor's script.
    """

    vendor: str
    publishable_key: str | None
    client_secret: str
    url: str | None


@dataclass(frozen=True, slots=True)
class CardPaymentInput:
    """A card payment as the client wrote it, unchecked."""

    amount_minor: int
    currency: str
    idempotency_key: str
    description: str | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of the business fields: an idempotency key sent again must come with the same."""
        text = clean_text(self.description) if self.description is not None else None
        return fingerprint_of(self.amount_minor, self.currency, text)


@dataclass(frozen=True, slots=True)
class CardPaymentOrder:
    """What a user asked for, after every rule was checked."""

    user_id: UserId
    amount: Money
    description: str | None
    idempotency_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """One try to pay a card payment. Its id is the vendor's idempotency key, so a try is sent again as the same.

    `return_url` is where the vendor's page sends the user back. `recorded_at` is when its outcome, or that it is not
    known, was stored: a process that died before it has left the try to be sent again.
    """

    id: AttemptId
    payment_id: PaymentId
    payment_method: str
    return_url: str
    created_at: datetime
    recorded_at: datetime | None = None


def card_payment_order(user_id: UserId, given: CardPaymentInput) -> CardPaymentOrder:
    """Check an input against every rule. Raises Refusals with all faults."""
    faults: list[Refusal] = []
    check_amount(given.amount_minor, given.currency, faults, least_minor=LEAST_MINOR)
    text = None
    if given.description is not None:
        text = checked_text(given.description, "description", MAX_DESCRIPTION, faults)
    check_key(given.idempotency_key, faults)
    if faults:
        raise Refusals(faults)
    amount = Money(given.amount_minor, given.currency)
    return CardPaymentOrder(user_id, amount, text, given.idempotency_key, given.fingerprint)


def check_payment_method(payment_method: str, faults: list[Refusal]) -> None:
    """Adds a fault unless it is a vendor's `pm_...` id. A card number must never reach Drop: no fault repeats it."""
    if _CARD_NUMBER.search(payment_method) or not _PAYMENT_METHOD.fullmatch(payment_method):
        message = "Give the id of a payment method (pm_...). Card numbers are typed on the vendor's own form alone."
        faults.append(fault("INVALID_PAYMENT_METHOD", message, "paymentMethod"))


def check_confirmation(payment_method: str, idempotency_key: str) -> None:
    """Raises Refusals with all faults."""
    faults: list[Refusal] = []
    check_payment_method(payment_method, faults)
    check_key(idempotency_key, faults)
    if faults:
        raise Refusals(faults)
