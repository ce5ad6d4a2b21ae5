"""The error that users see while the card vendor is away, for payments and plans."""

from typing import Final

from domain.errors import ProviderUnavailable
from domain.payment import Failure, FailureCode

PORT: Final = "card_payments"
AWAY: Final = Failure(FailureCode.PROVIDER_UNAVAILABLE)


def unavailable() -> ProviderUnavailable:
    message = "The card vendor is temporarily unavailable. Try again soon."
    return ProviderUnavailable(PORT, message, text="CARDS_AWAY")
