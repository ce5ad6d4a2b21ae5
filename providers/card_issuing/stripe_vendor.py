"""Stripe Issuing as a vendor, declared apart from the adapter: that loads Stripe's SDK."""

from typing import TYPE_CHECKING, Final

from providers.declaration import Tools, Vendor
from providers.stripe_api import LIVE_KEYS, NEEDS, STRIPE, TEST_KEYS, StripeSettings, client_of

if TYPE_CHECKING:
    from providers.card_issuing.stripe import StripeCardIssuing


def _build(settings: StripeSettings, tools: Tools) -> "StripeCardIssuing":
    from providers.card_issuing import stripe

    return stripe.StripeCardIssuing(client_of(settings, tools, stripe.RETRIED), clock=tools.clock)


# What is wrong with Stripe's settings, and what a live key is, its declaration for card payments says.
VENDOR: Final = Vendor(STRIPE, StripeSettings, _build, needs=NEEDS, live_keys=LIVE_KEYS, test_keys=TEST_KEYS)
