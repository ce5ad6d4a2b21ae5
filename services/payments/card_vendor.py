"""The error that users see while the card vendor is away, for payments and plans."""

from typing import Final

from domain.errors import ProviderUnavailable
from domain.payment import Failure, FailureCode

PORT: Final = "card_payments"
_MESSAGE: Final = "The card vendor is temporarily unavailable. Try again soon."
AWAY: Final = Failure(FailureCode.PROVIDER_UNAVAILABLE, _MESSAGE)


def unavailable() -> ProviderUnavailable:
    return ProviderUnavailable(PORT, _MESSAGE)
